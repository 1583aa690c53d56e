//! What satisfies one name in a process.

use crate::demand::{Demand, LibraryName};
use crate::loader::context::Context;
use crate::loader::follow::Pass;
use crate::loader::located::Located;
use crate::loader::never_packaged;
use crate::loader::outcome::{FoundBy, Hit, Outcome};
use crate::loader::process::{Link, Process, Satisfied};
use crate::system::architecture::Abi;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

impl Pass<'_, '_> {
    /// The library of `demand` that is found, and its outcome; `None` if one of them is ignored, or it
    /// has none.
    pub fn satisfy_demand(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        demand: &Demand,
    ) -> Option<(Arc<OsStr>, Outcome)> {
        let Context { inputs, search, .. } = self.context;
        let abi = process.links[0].located.object.abi;
        let mut sonames: Vec<Arc<OsStr>> = Vec::new();
        // A stem that is not found is reported, and ignored, as `libNAME.so.*`.
        let mut stems: Vec<OsString> = Vec::new();
        for name in demand.libraries() {
            match name {
                LibraryName::Soname(soname) => sonames.push(Arc::from(soname.as_os_str())),
                LibraryName::Stem(stem) => match search.rules.find_library(stem, abi) {
                    Some(cached) => sonames.push(Arc::from(cached)),
                    None => stems.push(OsString::from(name.to_string())),
                },
            }
        }
        let mut names = sonames.iter().map(|soname| &**soname);
        if names.any(|name| inputs.config.ignores(name))
            || stems.iter().any(|stem| inputs.config.ignores(stem))
        {
            return None;
        }
        let is_found = |soname: &&Arc<OsStr>| {
            search
                .find(process, 0, soname, &self.remarks)
                .is_some_and(|(located, _)| !is_for_linking(soname, &located))
        };
        if let Some(soname) = sonames.iter().find(is_found) {
            let satisfied = self.satisfy(process, interpreter, 0, soname);
            return Some((Arc::clone(soname), satisfied.outcome));
        }
        let elsewhere = sonames
            .iter()
            .map(|soname| {
                (
                    Arc::clone(soname),
                    self.not_found(soname, abi, false, interpreter),
                )
            })
            .find(|(_, outcome)| !matches!(outcome, Outcome::Missing { .. }));
        elsewhere.or_else(|| {
            let first: Arc<OsStr> = match demand.libraries().next()? {
                LibraryName::Soname(soname) => Arc::from(soname.as_os_str()),
                stem @ LibraryName::Stem(_) => Arc::from(OsString::from(stem.to_string())),
            };
            let outcome = self.not_found(&first, abi, false, interpreter);
            Some((first, outcome))
        })
    }

    /// Satisfies one needed name: by an object that is loaded already, or by a search, which may
    /// load one more; or else by a SONAME from elsewhere in the tree.
    pub fn satisfy(
        &self,
        process: &mut Process,
        interpreter: &[Rc<Located>],
        index: usize,
        name: &Arc<OsStr>,
    ) -> Satisfied {
        let Context { inputs, search, .. } = self.context;
        let located = &process.links[index].located;
        let abi = located.object.abi;
        // Names are compared with their tokens replaced.
        let expanded = search.rules.expanded(name, located);
        let loaded = expanded.iter().find_map(|name| process.by_name.get(name));
        if let Some(loaded) = loaded {
            return loaded.clone();
        }
        let Some((located, found_by)) = search.find(process, index, name, &self.remarks) else {
            return Satisfied {
                outcome: self.not_found(name, abi, process.is_starting, interpreter),
                by: None,
            };
        };
        let hit = Hit {
            located: Rc::clone(&located),
            found_by,
        };
        let satisfied = Satisfied {
            outcome: self.found(name, hit, interpreter),
            by: Some(Rc::clone(&located)),
        };
        let is_loaded = match &satisfied.outcome {
            Outcome::Bundled(_) => true,
            Outcome::System(hit) => (self.is_followed)(hit.real()),
            Outcome::Interpreter(_) | Outcome::Embedded(_) => self.is_complete,
            _ => false,
        };
        for name in search.rules.satisfied(process, expanded, &located) {
            let entry = process.by_name.entry(name);
            entry.or_insert_with(|| satisfied.clone());
        }
        if is_loaded
            && process.loaded.insert(located.file)
            && !inputs.config.excludes(&inputs.tree.reported_path(&located))
        {
            process.links.push(Link::new(located, Some(index)));
        }
        satisfied
    }

    /// The outcome for a library that the search found.
    fn found(&self, name: &OsStr, hit: Hit, interpreter: &[Rc<Located>]) -> Outcome {
        let tree = self.context.inputs.tree;
        let file = hit.located.file;
        let is_in_tree = tree.contains(&hit.located);
        if never_packaged::by_interpreter(name) {
            return if interpreter.iter().any(|one| one.file == file) || is_in_tree {
                Outcome::Interpreter(Some(hit))
            } else {
                Outcome::Embedded(hit)
            };
        }
        match hit.found_by {
            FoundBy::Rpath | FoundBy::LdLibraryPath | FoundBy::Runpath | FoundBy::Direct
                if is_in_tree
                    && !self
                        .context
                        .inputs
                        .rules
                        .is_loader(name, hit.located.object.abi) =>
            {
                Outcome::Bundled(hit)
            }
            _ if never_packaged::by_host(name) => Outcome::Host,
            // In the cache or a default directory a library is found whether the tree is copied or
            // not, so its owner decides.
            _ => Outcome::System(hit),
        }
    }

    /// The library of the tree that a search for `name` finds on behalf of another object there, and
    /// which then satisfies `name` for all (`shortname` in musl's `load_library`).
    fn found_for_another(&self, name: &Arc<OsStr>, abi: Abi) -> Option<Rc<Located>> {
        let Context { inputs, search, .. } = self.context;
        let objects = inputs.tree.objects().iter();
        let mut others =
            objects.filter(|it| it.object.abi == abi && it.object.needed.contains(name));
        others.find_map(|other| {
            let process = self.process(Rc::clone(other), &[]);
            let (found, _) = search.find(&process, 0, name, &self.remarks)?;
            inputs.tree.contains(&found).then_some(found)
        })
    }

    /// The outcome for a name that the search does not find. Another library of the tree with this
    /// SONAME satisfies it only where code can have loaded that before, so not in a program that is
    /// starting.
    fn not_found(
        &self,
        name: &Arc<OsStr>,
        abi: Abi,
        is_starting: bool,
        interpreter: &[Rc<Located>],
    ) -> Outcome {
        // In a complete process, what the interpreter loads would be found.
        let is_known = self.is_complete && !interpreter.is_empty();
        if never_packaged::by_interpreter(name) && !is_known {
            return Outcome::Interpreter(None);
        }
        let tree = self.context.inputs.tree;
        let elsewhere = if is_starting {
            None
        } else if self.context.inputs.rules.has_sonames_and_versions() {
            tree.with_soname(name, abi).cloned()
        } else {
            self.found_for_another(name, abi)
        };
        if let Some(located) = elsewhere {
            return Outcome::Bundled(Hit {
                located,
                found_by: FoundBy::Soname,
            });
        }
        if never_packaged::by_host(name) {
            return Outcome::Host;
        }
        Outcome::Missing {
            architecture: abi.name(),
        }
    }
}

/// Whether `soname` is the name with which `located` is linked (`libpq.so`): a link in a package for
/// compiling (Debian Policy 8.4), and so in no image.
fn is_for_linking(soname: &OsStr, located: &Located) -> bool {
    let name = Path::new(soname).file_name().unwrap_or_default();
    let own = located.object.soname.as_deref();
    name.as_bytes().ends_with(b".so") && own.is_some_and(|own| own != name)
}
