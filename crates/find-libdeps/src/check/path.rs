//! From a library outside the tree back to the file of the tree that it is loaded for.

use crate::demand::{Caller, Site};
use crate::loader::outcome::{Hit, Outcome, Resolution};
use crate::loader::tree::Tree;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

/// Which objects load which.
pub struct Loading<'a> {
    tree: &'a Tree,
    /// By the real path of a library: who demands it.
    loaders: HashMap<&'a Path, BTreeSet<(&'a Site, Option<&'a Path>)>>,
}

impl<'a> Loading<'a> {
    pub fn new(tree: &'a Tree, resolutions: &'a [Resolution]) -> Self {
        let mut loaders: HashMap<&Path, BTreeSet<_>> = HashMap::new();
        for resolution in resolutions {
            if let Some(hit) = hit(&resolution.outcome) {
                let by = resolution.requests();
                let by = by.map(|(site, caller)| (site, object(caller)));
                loaders.entry(hit.real()).or_default().extend(by);
            }
        }
        Self { tree, loaders }
    }

    /// Whether the library `real` is loaded for files of the tree for which `is_meant` returns true, and
    /// for nothing else; or whether it is such a file.
    pub fn is_only_for(&self, real: &Path, is_meant: &dyn Fn(&Path) -> bool) -> bool {
        let mut seen = HashSet::from([real]);
        let mut left = vec![real];
        while let Some(real) = left.pop() {
            if self.tree.reported(real).is_some() {
                if !is_meant(real) {
                    return false;
                }
                continue;
            }
            let Some(loaders) = self.loaders.get(real) else {
                return false;
            };
            for (_, by) in loaders {
                match by {
                    Some(by) if seen.insert(by) => left.push(by),
                    Some(_) => {}
                    None => return false,
                }
            }
        }
        true
    }

    /// The file of the tree, or the program, that the library `real` is loaded for; `None` if it is
    /// one itself.
    pub fn loaded_for(&self, real: &'a Path) -> Option<&'a Site> {
        if self.tree.reported(real).is_some() {
            return None;
        }
        let mut seen = HashSet::from([real]);
        let mut level = vec![real];
        let mut last = None;
        while !level.is_empty() {
            let mut next = Vec::new();
            for (site, by) in level
                .iter()
                .filter_map(|real| self.loaders.get(real))
                .flatten()
            {
                match by {
                    Some(by) if self.tree.reported(by).is_none() => {
                        if seen.insert(by) {
                            last = Some(*site);
                            next.push(*by);
                        }
                    }
                    _ => return Some(site),
                }
            }
            level = next;
        }
        last
    }
}

/// The library of an outcome.
pub fn hit(outcome: &Outcome) -> Option<&Hit> {
    match outcome {
        Outcome::System(hit)
        | Outcome::Bundled(hit)
        | Outcome::Embedded(hit)
        | Outcome::Interpreter(Some(hit)) => Some(hit),
        _ => None,
    }
}

/// The real path of an object that makes a demand by its header or a note.
pub fn object(caller: &Caller) -> Option<&Path> {
    match caller {
        Caller::Object(real) => Some(real),
        Caller::Interpreter(_) => None,
    }
}
