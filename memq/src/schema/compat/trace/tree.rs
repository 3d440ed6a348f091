//! The tree of what a type was seen to read.

use super::super::layout::{Layout, Named};
use super::{Alias, Fault};

/// A place in the tree.
pub(super) type Place = usize;

/// What was asked for at a place.
#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing yet.
    Unseen,
    Plain(&'static str),
    Option(Place),
    List(Place),
    Map(Place, Place),
    Tuple(Vec<Place>),
    Struct {
        name: &'static str,
        fields: &'static [&'static str],
        parts: Vec<Place>,
    },
    Enum {
        name: &'static str,
        names: &'static [&'static str],
        variants: Vec<Variant>,
        all: bool,
    },
    /// What is at this place further out, again.
    Again(Place),
}

#[derive(Debug)]
pub(super) struct Variant {
    pub(super) place: Place,
    /// How often it was tried, so that all come to their turn.
    pub(super) tries: usize,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    /// Whether a whole value was read here once.
    read: bool,
    /// Which sample is next.
    sample: usize,
}

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Goes up with everything that was not known before.
    pub(super) learnt: usize,
}

impl Tree {
    pub(super) const ROOT: Place = 0;

    pub(super) fn new() -> Self {
        let mut tree = Self { nodes: Vec::new(), learnt: 0 };
        tree.add();
        tree
    }

    /// A place nothing is known of.
    pub(super) fn add(&mut self) -> Place {
        self.learnt += 1;
        self.nodes.push(Node { kind: Kind::Unseen, read: false, sample: 0 });
        self.nodes.len() - 1
    }

    pub(super) fn kind(&self, place: Place) -> &Kind {
        &self.nodes[place].kind
    }

    pub(super) fn kind_mut(&mut self, place: Place) -> &mut Kind {
        &mut self.nodes[place].kind
    }

    /// Says what is at a place that was not seen.
    pub(super) fn set(&mut self, place: Place, kind: Kind) {
        self.learnt += 1;
        self.nodes[place].kind = kind;
    }

    pub(super) fn sample(&self, place: Place) -> usize {
        self.nodes[place].sample
    }

    /// The sample was refused, and there are `of` of them.
    pub(super) fn refuse(&mut self, place: Place, of: usize) {
        let node = &mut self.nodes[place];
        node.sample = (node.sample + 1) % of;
    }

    pub(super) fn set_read(&mut self, place: Place) {
        if !self.nodes[place].read {
            self.nodes[place].read = true;
            self.learnt += 1;
        }
    }

    /// Whether everything from here on is known.
    pub(super) fn is_done(&self, place: Place) -> bool {
        let all = |places: &[Place]| places.iter().all(|part| self.is_done(*part));
        match &self.nodes[place].kind {
            Kind::Unseen => false,
            Kind::Plain(_) => self.nodes[place].read,
            Kind::Option(inner) | Kind::List(inner) => self.is_done(*inner),
            Kind::Map(key, value) => self.is_done(*key) && self.is_done(*value),
            Kind::Tuple(parts) | Kind::Struct { parts, .. } => self.nodes[place].read && all(parts),
            Kind::Enum { variants, all, .. } => {
                *all && variants.iter().all(|variant| self.is_done(variant.place))
            }
            Kind::Again(_) => true,
        }
    }

    /// The path to the first place that is not known.
    pub(super) fn undone(&self) -> String {
        let mut path = String::new();
        let mut place = Self::ROOT;
        loop {
            let next = |places: &[Place]| {
                places
                    .iter()
                    .enumerate()
                    .find(|(_, part)| !self.is_done(**part))
                    .map(|(i, p)| (i, *p))
            };
            let step = match &self.nodes[place].kind {
                Kind::Option(inner) => Some((String::new(), *inner)),
                Kind::List(inner) => Some(("[]".to_owned(), *inner)),
                Kind::Map(key, value) if self.is_done(*key) => Some(("{}".to_owned(), *value)),
                Kind::Map(key, _) => Some(("{key}".to_owned(), *key)),
                Kind::Tuple(parts) => next(parts).map(|(i, p)| (format!("[{i}]"), p)),
                Kind::Struct { fields, parts, .. } => next(parts).map(|(i, p)| {
                    (fields.get(i).map_or_else(|| format!("[{i}]"), |name| format!(".{name}")), p)
                }),
                Kind::Enum { names, variants, .. } => {
                    let undone = |(_, variant): &(usize, &Variant)| !self.is_done(variant.place);
                    variants.iter().enumerate().find(undone).map(|(i, variant)| {
                        let name = names.get(i).copied().unwrap_or_default();
                        (format!(".{name}"), variant.place)
                    })
                }
                Kind::Unseen | Kind::Plain(_) | Kind::Again(_) => None,
            };
            let Some((word, next)) = step else { return path };
            path.push_str(&word);
            place = next;
        }
    }

    /// All of it, once it is done.
    pub(super) fn layout(&self, aliases: &[Alias]) -> Result<Layout, Fault> {
        self.at(Self::ROOT, &mut Vec::new(), aliases, "")
    }

    fn at(
        &self,
        place: Place,
        outer: &mut Vec<Place>,
        aliases: &[Alias],
        path: &str,
    ) -> Result<Layout, Fault> {
        outer.push(place);
        let mut part = |place: Place, path: String| self.at(place, outer, aliases, &path);
        let layout = match &self.nodes[place].kind {
            Kind::Unseen => Err(Fault { path: path.to_owned(), why: "it was not seen".to_owned() }),
            Kind::Plain(kind) => Ok(Layout::Plain(kind)),
            Kind::Option(inner) => Ok(Layout::Option(Box::new(part(*inner, path.to_owned())?))),
            Kind::List(inner) => Ok(Layout::List(Box::new(part(*inner, format!("{path}[]"))?))),
            Kind::Map(key, value) => Ok(Layout::Map(
                Box::new(part(*key, format!("{path}{{key}}"))?),
                Box::new(part(*value, format!("{path}{{}}"))?),
            )),
            Kind::Tuple(parts) => {
                let parts = parts.iter().enumerate();
                let parts = parts.map(|(index, place)| part(*place, format!("{path}[{index}]")));
                Ok(Layout::Tuple(parts.collect::<Result<_, _>>()?))
            }
            Kind::Struct { name, fields, parts } => {
                let named = self.named(name, fields, parts, outer, aliases, path)?;
                Ok(Layout::Struct(named))
            }
            Kind::Enum { name, names, variants, .. } => {
                let places: Vec<Place> = variants.iter().map(|variant| variant.place).collect();
                Ok(Layout::Enum(self.named(name, names, &places, outer, aliases, path)?))
            }
            Kind::Again(again) => {
                let levels = outer.iter().rev().skip(1).position(|place| place == again);
                let lost = || Fault { path: path.to_owned(), why: "it holds itself".to_owned() };
                levels.map(Layout::Again).ok_or_else(lost)
            }
        };
        outer.pop();
        layout
    }

    /// Fields or variants under their names. serde lists aliases among the names, and does not say
    /// which are which.
    fn named(
        &self,
        container: &str,
        names: &[&str],
        places: &[Place],
        outer: &mut Vec<Place>,
        aliases: &[Alias],
        path: &str,
    ) -> Result<Vec<Named>, Fault> {
        let of: Vec<&Alias> = aliases.iter().filter(|alias| alias.0 == container).collect();
        let mut own: Vec<&str> = names.to_vec();
        if own.len() != places.len() {
            own.retain(|name| !of.iter().any(|(_, _, alias)| alias == name));
        }
        if own.len() != places.len() {
            let why = format!(
                "`{container}` has names beside those of its parts (`#[serde(alias)]`), and which \
                 they are is not known: add `#[derive(memq::Shape)]` to it"
            );
            return Err(Fault { path: path.to_owned(), why });
        }
        let mut all = Vec::with_capacity(own.len());
        for (name, place) in own.iter().zip(places) {
            let mine = of.iter().filter(|(_, wire, _)| wire == name);
            all.push(Named {
                name: (*name).to_owned(),
                aliases: mine.map(|(_, _, alias)| alias.clone()).collect(),
                layout: self.at(*place, outer, aliases, &format!("{path}.{name}"))?,
            });
        }
        Ok(all)
    }
}
