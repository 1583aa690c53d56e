//! What every pass over a tree works on.

use crate::config::Config;
use crate::demand::{Demand, Variants};
use crate::files::Files;
use crate::loader::candidates::Candidates;
use crate::loader::foreign::Foreign;
use crate::loader::interpreter::{Interpreters, LoadedByInterpreters};
use crate::loader::rules::Rules;
use crate::loader::search::Search;
use crate::loader::tree::Tree;
use crate::system::architecture::Abi;
use crate::system::root::Root;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What a resolver works on.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
    pub files: &'a Files<'a>,
    pub candidates: &'a Candidates<'a>,
    pub rules: &'a dyn Rules,
    /// The objects whose needs are resolved.
    pub tree: &'a Tree,
    /// What code of the tree loads by name at run time.
    pub demands: &'a [Rc<Demand>],
    /// Modules of the tree that replace one another.
    pub variants: &'a [Variants],
    /// The ABI of an interpreter that does not exist.
    pub native: Abi,
    /// Debian's names of the other architectures whose packages dpkg accepts.
    pub accepted: &'a BTreeSet<String>,
}

/// The inputs, and what is made of them once.
pub struct Context<'a> {
    pub inputs: Inputs<'a>,
    pub search: Search<'a>,
    pub interpreters: Interpreters<'a>,
    pub foreign: Foreign,
    pub loaded_by_interpreters: LoadedByInterpreters,
}

impl<'a> Context<'a> {
    pub fn new(inputs: Inputs<'a>) -> Self {
        let search = Search {
            candidates: inputs.candidates,
            rules: inputs.rules,
        };
        Self {
            inputs,
            search,
            foreign: Foreign::new(inputs.root, inputs.rules, inputs.native, inputs.accepted),
            loaded_by_interpreters: LoadedByInterpreters::default(),
            interpreters: Interpreters::new(inputs.root, inputs.config, search),
        }
    }
}
