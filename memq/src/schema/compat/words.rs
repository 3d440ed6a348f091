//! What is said of a change: where it is, what it breaks, and what to do.

use std::fmt;

/// Who has to understand whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Direction {
    /// The type as it is now reads what was written before.
    Backward,
    /// The type as it was before reads what is written now.
    Forward,
}

impl Direction {
    /// Whose records are read.
    pub(super) fn records(self) -> &'static str {
        match self {
            Self::Backward => "old records",
            Self::Forward => "new records",
        }
    }

    /// Who reads them.
    pub(super) fn readers(self) -> &'static str {
        match self {
            Self::Backward => "new readers",
            Self::Forward => "old readers",
        }
    }

    /// What to do where nothing better is known.
    pub(super) fn keep(self, what: &str) -> String {
        match self {
            Self::Backward => {
                format!("keep {what}, or raise `version` and give the type an `upcast_from`")
            }
            Self::Forward => {
                format!("keep {what}, or update every reader first and check `Mode::Backward`")
            }
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        })
    }
}

/// One thing that is wrong between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Break {
    /// Where, as `.lines[].colour`; `.` is the whole message.
    pub path: String,
    /// What does not fit.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether that is known. If not, the schema says something that memq cannot judge.
    pub judged: bool,
    /// Whether it is about which values there are, and not about where they stand.
    pub(super) of_values: bool,
}

impl Break {
    pub(super) fn new(path: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let path = if path.is_empty() { "." } else { path };
        Self {
            path: path.to_owned(),
            problem: problem.into(),
            remedy: remedy.into(),
            judged: true,
            of_values: false,
        }
    }

    /// One about which values there are.
    pub(super) fn of_values(
        path: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { of_values: true, ..Self::new(path, problem, remedy) }
    }

    pub(super) fn unjudged(path: &str, Unjudged(what): Unjudged) -> Self {
        let problem = format!("this cannot be judged: {what}");
        let remedy = "describe the type by other means, or test it by values of your own";
        Self { judged: false, of_values: true, ..Self::new(path, problem, remedy) }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}; {}", self.path, self.problem, self.remedy)
    }
}

/// What a schema says that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unjudged(pub(super) String);
