//! The command line.

use std::fmt;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Names of workloads; all where it is empty.
    pub only: Vec<String>,
    pub rounds: usize,
    pub scale: f64,
    /// Names of rows; all where it is empty.
    pub peers: Vec<String>,
    pub json: bool,
    pub report: bool,
    pub growth: bool,
    /// Programs; those there are where it is empty.
    pub servers: Vec<String>,
    pub help: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            rounds: 5,
            scale: 1.0,
            peers: Vec::new(),
            json: false,
            report: false,
            growth: false,
            servers: Vec::new(),
            help: false,
        }
    }
}

/// What there is to choose from.
#[derive(Clone, Debug)]
pub struct Known {
    pub workloads: Vec<&'static str>,
    pub peers: Vec<&'static str>,
    /// Options.
    pub options: &'static [&'static str],
    /// What is done where nothing is said.
    pub rounds: usize,
}

/// What is wrong with the command line, and what there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the arguments after the program's name.
pub fn parse(args: impl IntoIterator<Item = String>, known: &Known) -> Result<Options, Wrong> {
    let mut options = Options { rounds: known.rounds, ..Options::default() };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let (name, mut given) = match arg.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(value.to_string())),
            None => (arg, None),
        };
        let mut value = |what: &str| {
            let value = given.take().or_else(|| args.next());
            value.ok_or_else(|| Wrong(format!("{name} takes {what}")))
        };
        match name.as_str() {
            "--help" | "-h" => options.help = true,
            other if !known.options.contains(&other) => {
                let there = known.options.join(", ");
                return Err(Wrong(format!("no option is called {other}; there are {there}")));
            }
            "--only" => options.only = list(&value("names of workloads")?),
            "--peers" => options.peers = list(&value("names of peers")?),
            "--rounds" => {
                let what = "a number of rounds, 1 to 1,000";
                options.rounds =
                    number(&name, &value(what)?, what, |rounds| (1..=1_000).contains(rounds))?;
            }
            "--scale" => {
                let what = "a factor, above 0 and at most 100";
                options.scale =
                    number(&name, &value(what)?, what, |scale| *scale > 0.0 && *scale <= 100.0)?;
            }
            "--json" => options.json = true,
            "--report" => options.report = true,
            "--growth" => options.growth = true,
            "--server" => options.servers.push(value("the path of a nats-server")?),
            other => unreachable!("{other} is said to be an option"),
        }
        if given.is_some() {
            return Err(Wrong(format!("{name} takes no value")));
        }
    }
    for only in &options.only {
        if !known.workloads.iter().any(|name| is_workload(only, name)) {
            let there = known.workloads.join(", ");
            return Err(Wrong(format!("no workload is called {only}; there are {there}")));
        }
    }
    for peer in &options.peers {
        if !known.peers.iter().any(|name| is_peer(peer, name)) {
            let there = known.peers.join(", ");
            return Err(Wrong(format!("no peer is called {peer}; there are {there}")));
        }
    }
    Ok(options)
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}

fn number<T: std::str::FromStr>(
    name: &str,
    value: &str,
    what: &str,
    fine: impl Fn(&T) -> bool,
) -> Result<T, Wrong> {
    let number = value.parse().ok().filter(fine);
    number.ok_or_else(|| Wrong(format!("{name} takes {what}, not {value}")))
}

/// Whether `only` names this workload, or all that are called so.
fn is_workload(only: &str, name: &str) -> bool {
    let rest = name.get(..only.len()).filter(|start| start.eq_ignore_ascii_case(only));
    rest.is_some() && (name.len() == only.len() || name.as_bytes()[only.len()] == b'-')
}

/// Whether `peer` names this row; `memq` names all rows of memq.
fn is_peer(peer: &str, name: &str) -> bool {
    peer == name || (crate::measure::is_ours(name) && peer == "memq")
}

impl Options {
    pub fn wants_workload(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| is_workload(only, name))
    }

    pub fn wants_peer(&self, name: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|peer| is_peer(peer, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            workloads: vec!["L1", "S1a", "S1b", "S7-current", "S7-multi"],
            peers: vec!["memq", "memq-borrowed", "tokio-memq", "kanal"],
            options: &[
                "--only", "--rounds", "--scale", "--peers", "--json", "--report", "--growth",
            ],
            rounds: 5,
        }
    }

    fn parsed(line: &str) -> Result<Options, String> {
        let args = line.split_whitespace().map(String::from);
        parse(args, &known()).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn nothing_said_is_everything_measured() {
        let options = parsed("").unwrap();
        assert_eq!(options, Options::default());
        assert_eq!(options.rounds, 5);
        assert!(options.wants_workload("S1a") && options.wants_peer("kanal"));
    }

    #[test]
    fn everything_said() {
        let options =
            parsed("--only s1b,S7 --rounds 7 --scale=0.2 --peers memq --json --report --growth");
        let options = options.unwrap();
        assert_eq!((options.rounds, options.scale), (7, 0.2));
        assert!(options.json && options.report && options.growth && !options.help);
        let wanted = known().workloads.into_iter().filter(|name| options.wants_workload(name));
        assert_eq!(wanted.collect::<Vec<_>>(), ["S1b", "S7-current", "S7-multi"]);
        let wanted = known().peers.into_iter().filter(|name| options.wants_peer(name));
        assert_eq!(wanted.collect::<Vec<_>>(), ["memq", "memq-borrowed"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_there_is() {
        let wrong = |line: &str| parsed(line).unwrap_err();
        assert_eq!(
            wrong("--only S99"),
            "no workload is called S99; there are L1, S1a, S1b, S7-current, S7-multi"
        );
        assert!(wrong("--only S").starts_with("no workload is called S;"));
        assert!(wrong("--peers rabbit").ends_with("memq, memq-borrowed, tokio-memq, kanal"));
        assert!(wrong("--fast").starts_with("no option is called --fast; there are --only,"));
        assert!(wrong("--server x").starts_with("no option is called --server"));
        assert!(wrong("--rounds 0").ends_with("1 to 1,000, not 0"));
        assert!(wrong("--rounds").starts_with("--rounds takes a number"));
        assert!(wrong("--scale nan").ends_with("not nan"));
        assert_eq!(wrong("--json=yes"), "--json takes no value");
    }
}
