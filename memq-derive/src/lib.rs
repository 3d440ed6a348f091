//! The derive behind memq.

/// Derive.
#[proc_macro_derive(Topic, attributes(topic))]
pub fn topic(_input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    proc_macro::TokenStream::new()
}
