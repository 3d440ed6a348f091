//! What is in the fingerprint of a type that holds itself, and of one with parameters.

use memq::schema::Fingerprint;
use memq::{Shape, Topic};
use serde::{Deserialize, Serialize};

mod before {
    use super::*;

    #[derive(Serialize, Deserialize, Shape)]
    pub struct Line {
        pub left: u32,
        pub right: u32,
    }

    #[derive(Serialize, Deserialize, Topic)]
    #[topic(name = "trees", format = Postcard)]
    pub struct Tree {
        pub nodes: Vec<(Line, Tree)>,
    }
}

mod after {
    use super::*;

    /// With its fields the other way round.
    #[derive(Serialize, Deserialize, Shape)]
    pub struct Line {
        pub right: u32,
        pub left: u32,
    }

    #[derive(Serialize, Deserialize, Topic)]
    #[topic(name = "trees", format = Postcard)]
    pub struct Tree {
        pub nodes: Vec<(Line, Tree)>,
    }
}

/// The type before, which has another name now.
mod kept {
    use super::before::Line;
    use super::*;

    #[derive(Serialize, Deserialize, Topic)]
    #[topic(name = "trees", format = Postcard)]
    pub struct TreeV1 {
        pub nodes: Vec<(Line, TreeV1)>,
    }
}

/// A type around one of its name, which is another.
mod around_before {
    use super::before as kept;
    use super::*;

    #[derive(Serialize, Deserialize, Topic)]
    #[topic(name = "around", format = Postcard)]
    pub struct Line {
        pub inner: kept::Line,
        pub more: Vec<(kept::Line, Line)>,
    }
}

mod around_after {
    use super::after as kept;
    use super::*;

    #[derive(Serialize, Deserialize, Topic)]
    #[topic(name = "around", format = Postcard)]
    pub struct Line {
        pub inner: kept::Line,
        pub more: Vec<(kept::Line, Line)>,
    }
}

trait Named {
    const NAME: &'static str;
}

impl Named for before::Line {
    const NAME: &'static str = "lines";
}

impl Named for after::Line {
    const NAME: &'static str = "lines";
}

#[derive(Serialize, Deserialize, Topic)]
#[topic(name = T::NAME, format = Postcard)]
struct Envelope<T: Named + Shape> {
    inner: T,
}

fn shape<T: Topic>() -> Fingerprint {
    T::SHAPE.unwrap()
}

#[test]
fn what_stands_beside_the_type_itself_counts() {
    assert_ne!(shape::<before::Tree>(), shape::<after::Tree>());
}

#[test]
fn the_name_of_a_type_that_holds_itself_does_not_count() {
    assert_eq!(shape::<before::Tree>(), shape::<kept::TreeV1>());
}

#[test]
fn a_parameter_that_is_a_shape_counts() {
    assert_ne!(shape::<Envelope<before::Line>>(), shape::<Envelope<after::Line>>());
}

#[test]
fn a_type_of_the_same_name_in_a_module_is_another_and_counts() {
    assert_ne!(shape::<around_before::Line>(), shape::<around_after::Line>());
}
