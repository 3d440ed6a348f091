//! The command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use crate::quake;

#[derive(Debug)]
pub struct Options {
    pub source: PathBuf,
    pub archive: Option<PathBuf>,
    pub json: bool,
}

pub enum Parsed {
    Run(Options),
    Help,
}

impl Options {
    /// Reads the arguments. `more` is asked about each option that is not known here: it takes the
    /// value from those that follow, and says whether it knows it.
    pub fn parse<A: Iterator<Item = OsString>>(
        mut arguments: A,
        mut more: impl FnMut(&str, &mut A) -> Result<bool, String>,
    ) -> Result<Parsed, String> {
        let (mut source, mut archive, mut json, mut only_paths) = (None, None, false, false);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--") if !only_paths => only_paths = true,
                Some("-h" | "--help") if !only_paths => return Ok(Parsed::Help),
                Some("--json") if !only_paths => json = true,
                Some("--archive") if !only_paths => {
                    let path = arguments.next().ok_or("--archive needs a file")?;
                    archive = Some(PathBuf::from(path));
                }
                Some(option) if option.starts_with('-') && !only_paths => {
                    if !more(option, &mut arguments)? {
                        return Err(format!("unknown option {option:?}"));
                    }
                }
                _ if source.is_some() => return Err(format!("one file too many: {argument:?}")),
                _ => source = Some(PathBuf::from(argument)),
            }
        }
        let source = source.unwrap_or_else(|| crate::SHIPPED.into());
        Ok(Parsed::Run(Self { source, archive, json }))
    }

    /// What is in the file.
    pub fn text(&self) -> Result<String, String> {
        let read = fs::read_to_string(&self.source);
        read.map_err(|error| format!("{}: {error}", self.source.display()))
    }

    /// The features in its text.
    pub fn features<'t>(&self, text: &'t str) -> Result<Vec<&'t RawValue>, String> {
        let features = quake::features(text);
        let features = features.map_err(|error| format!("{}: {error}", self.source.display()))?;
        if let Some(archive) = &self.archive {
            refuse_same_file(&self.source, archive)?;
        }
        Ok(features)
    }
}

/// An archive written over its source would destroy it.
fn refuse_same_file(source: &Path, archive: &Path) -> Result<(), String> {
    let whole = |path: &Path| path.canonicalize().ok();
    match whole(archive) {
        Some(path) if Some(&path) == whole(source).as_ref() => {
            Err(format!("{}: the archive would replace the source", archive.display()))
        }
        _ => Ok(()),
    }
}
