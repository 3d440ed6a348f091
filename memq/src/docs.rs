//! Pages to read. There is nothing to call here.

pub mod delivery {
    #![doc = "What is delivered how often."]
}
