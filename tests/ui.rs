//! What the derive says to a mistake, to the letter, and that it takes everything it promises.
//!
//! After a change of wording run with `TRYBUILD=overwrite`, and read what changed: each mistake
//! has one error, at one token, with a remedy.

/// The compiler that worded `ui/rustc`. Others word some of it differently.
const RUSTC: &str = "rustc 1.95.";

/// All at once, since constants are evaluated only where programs are built, and they are built only
/// where one is to run.
#[test]
fn the_derive_names_each_mistake_with_its_remedy_and_takes_the_rest() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
    // What the compiler says, at the right place.
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(compiler).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    match version {
        Ok(version) if version.starts_with(RUSTC) => cases.compile_fail("ui/rustc/*.rs"),
        other => {
            println!("skipped: the texts in `ui/rustc` are by {RUSTC}x, and this is {other:?}")
        }
    }
}
