//! What provides a demanded item in the final image.

use crate::demand::{Evidence, Item, Kind, LibraryName, Site};
use crate::loader::outcome::{Absence, Cause, FoundBy, Hit, Outcome, Resolution};
use crate::loader::tree::Tree;
use crate::packages::lookup::{Found, PackagedLibrary, Wanted};
use crate::packages::ownership::{Owner, Ownership};
use crate::packages::package::Package;
use crate::system::architecture::Abi;
use crate::system::ordered::Ordered as _;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// What to do about what is in no package.
pub const COPY_ADVICE: &str = "copy what no package ships into the image, or pass `--ignore REGEX`";

/// What provides a demanded item in the final image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// A package that is installed here.
    Package {
        package: Package,
        place: Place,
        /// The package for compiling that alone ships the name that was found; `package` ships the
        /// library under another name.
        name_is_in: Option<Package>,
    },
    /// A package that is not installed here, found by the look-up.
    NotInstalled {
        package: Package,
        /// Where the package ships the library, if that is known.
        path: Option<PathBuf>,
        /// Other packages that ship it.
        passed_over: Vec<Package>,
    },
    /// It was found, but no package for a runtime image ships it.
    Unowned {
        place: Place,
        /// The packages for compiling that ship it.
        for_compiling: BTreeSet<Package>,
    },
    /// It lies below the given paths.
    Bundled { place: Place },
    /// It comes with the interpreter.
    Interpreter { place: Option<Place> },
    /// The host's driver.
    Host,
    /// Nothing, and no package can: the distribution left it out.
    LeftOut,
    /// Nothing: it is not found.
    Missing {
        /// Debian's name of the architecture, if it is not the native one.
        foreign: Option<&'static str>,
    },
}

/// Where it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub path: PathBuf,
    /// By which rule; `None` if a traced command loaded it from there.
    pub found_by: Option<FoundBy>,
}

impl Provider {
    /// The package to list.
    pub fn package(&self) -> Option<&Package> {
        match self {
            Self::Package { package, .. } | Self::NotInstalled { package, .. } => Some(package),
            _ => None,
        }
    }

    /// Where the library is found, here or in the package.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotInstalled { path, .. } => path.as_deref(),
            _ => self.place().map(|place| place.path.as_path()),
        }
    }

    /// Where the library is found here.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Package { place, .. } | Self::Unowned { place, .. } | Self::Bundled { place } => {
                Some(place)
            }
            Self::Interpreter { place } => place.as_ref(),
            Self::NotInstalled { .. } | Self::Host | Self::LeftOut | Self::Missing { .. } => None,
        }
    }
}

/// A demand with its provider.
#[derive(Clone, Debug)]
pub struct Provided {
    pub site: Site,
    /// The other files that need the same name with the same outcome.
    pub others: Box<[Site]>,
    pub evidence: Evidence,
    /// What both names stand for.
    pub kind: Kind,
    /// The name that was demanded and, of several, found first.
    pub demanded: Arc<OsStr>,
    /// The name that the code must ask for.
    pub name: Arc<OsStr>,
    /// Equal ones are shared.
    pub provider: Rc<Provider>,
    /// How it was searched for, if it is missing.
    pub absence: Option<Box<Absence>>,
    /// Whether the provider's package goes on the list, or what is missing is reported as missing.
    /// Otherwise it is only possible.
    pub is_listed: bool,
    /// What the code cannot do without it.
    pub reason: Option<&'static str>,
}

/// What to look up, as sets of alternatives: what is missing and has no explanation on this machine. A
/// library by its path is not looked up, as an index says nothing about it.
pub fn wanted(resolutions: &[Resolution]) -> BTreeSet<Vec<Wanted>> {
    let is_unexplained = |resolution: &&Resolution| {
        let absence = resolution.absence.as_ref();
        let cause = absence.and_then(|absence| absence.cause.as_ref());
        cause.is_none_or(|cause| cause.may_be_packaged)
    };
    let is_path = |wanted: &Wanted| matches!(&wanted.item, Item::Library(LibraryName::Soname(name)) if name.as_bytes().contains(&b'/'));
    let unexplained = resolutions.iter().filter(is_unexplained);
    let wanted = unexplained.map(|it| alternatives(it).filter(|wanted| !is_path(wanted)));
    let sets = wanted.map(Iterator::collect::<Vec<Wanted>>);
    sets.filter(|all| !all.is_empty()).ordered()
}

/// What would meet a demand if a package shipped it; nothing unless it is missing.
fn alternatives(resolution: &Resolution) -> impl Iterator<Item = Wanted> + use<'_> {
    let abi = match resolution.outcome {
        Outcome::Missing { architecture } => Some(Abi::of(architecture)),
        _ => None,
    };
    abi.into_iter().flat_map(|abi| {
        resolution.packaged().iter().map(move |item| Wanted {
            item: item.clone(),
            abi,
        })
    })
}

/// The provider of each resolved demand. Owners must have been asked for, and missing names looked
/// up.
pub fn provide(
    resolutions: Vec<Resolution>,
    tree: &Tree,
    ownership: &Ownership,
    looked_up: &BTreeMap<Wanted, Found>,
) -> Vec<Provided> {
    let mut known: HashSet<Rc<Provider>> = HashSet::new();
    let mut shared = |provider: Provider| {
        if let Some(known) = known.get(&provider) {
            return Rc::clone(known);
        }
        let provider = Rc::new(provider);
        known.insert(Rc::clone(&provider));
        provider
    };
    resolutions
        .into_iter()
        .map(|resolution| {
            let found = alternatives(&resolution).filter_map(|it| looked_up.get_key_value(&it));
            let found = best(found);
            let by = shared(provider(&resolution, tree, ownership));
            let demand = resolution.demand;
            let mut provided = Provided {
                site: demand.site.clone(),
                others: resolution
                    .others
                    .into_iter()
                    .map(|(site, _)| site)
                    .collect(),
                evidence: demand.evidence,
                kind: resolution.kind,
                name: match (demand.evidence, Path::new(&*resolution.name).file_name()) {
                    // It is the path that it was loaded from.
                    (Evidence::Trace, Some(name)) if demand.is_required => Arc::from(name),
                    _ => Arc::clone(&resolution.name),
                },
                demanded: resolution.name,
                provider: by,
                absence: resolution.absence,
                is_listed: demand.is_listed,
                reason: demand.reason,
            };
            if let Some((wanted, found)) = found {
                provided.set_looked_up(&wanted.item, found);
            }
            // Code that may work without it does not make it missing.
            provided.is_listed &=
                demand.is_required || !matches!(*provided.provider, Provider::Missing { .. });
            provided
        })
        .collect()
}

fn provider(resolution: &Resolution, tree: &Tree, ownership: &Ownership) -> Provider {
    let place = |hit: &Hit, path: &Path| Place {
        path: path.to_owned(),
        found_by: Some(hit.found_by).filter(|_| resolution.demand.evidence != Evidence::Trace),
    };
    match &resolution.outcome {
        Outcome::System(hit) => match ownership.owner(hit.clean_path(), hit.architecture()) {
            Owner::Package(package) => Provider::Package {
                package,
                place: place(hit, hit.clean_path()),
                name_is_in: ownership.name_is_for_compiling(hit.clean_path()),
            },
            // It is in the cache or a default directory, but copied with the tree.
            _ if tree.contains(&hit.located) => Provider::Bundled {
                place: place(hit, hit.clean_path()),
            },
            Owner::Development(for_compiling) => Provider::Unowned {
                place: place(hit, hit.clean_path()),
                for_compiling,
            },
            Owner::None => Provider::Unowned {
                place: place(hit, hit.clean_path()),
                for_compiling: BTreeSet::new(),
            },
        },
        Outcome::Bundled(hit) => Provider::Bundled {
            place: place(hit, &tree.reported_path(&hit.located)),
        },
        Outcome::Interpreter(hit) => Provider::Interpreter {
            place: hit.as_ref().map(|hit| place(hit, hit.clean_path())),
        },
        Outcome::Embedded(hit) => match ownership.owner(hit.clean_path(), hit.architecture()) {
            Owner::Package(package) => Provider::Package {
                package,
                place: place(hit, hit.clean_path()),
                name_is_in: None,
            },
            Owner::Development(_) | Owner::None => Provider::Interpreter {
                place: Some(place(hit, hit.clean_path())),
            },
        },
        Outcome::File { path, found_by } => file(path, *found_by, tree, ownership),
        Outcome::Host => Provider::Host,
        Outcome::LeftOut => Provider::LeftOut,
        Outcome::Missing { architecture } => Provider::Missing {
            foreign: Some(*architecture).filter(|&name| name != ownership.architecture()),
        },
    }
}

/// The provider of what is no library. A package for compiling counts here: its programs are meant.
fn file(path: &Path, found_by: FoundBy, tree: &Tree, ownership: &Ownership) -> Provider {
    let place = Place {
        path: path.to_owned(),
        found_by: Some(found_by),
    };
    let package = match ownership.owner(path, ownership.architecture()) {
        Owner::Package(package) => Some(package),
        Owner::Development(packages) => packages.into_iter().next(),
        Owner::None => None,
    };
    match package {
        Some(package) => Provider::Package {
            package,
            place,
            name_is_in: None,
        },
        None if tree.reported(path).is_some() => Provider::Bundled { place },
        None if found_by == FoundBy::StandardLibrary => {
            Provider::Interpreter { place: Some(place) }
        }
        None => Provider::Unowned {
            place,
            for_compiling: BTreeSet::new(),
        },
    }
}

/// The first alternative that a package ships, or else the most informative result.
fn best<'a>(all: impl Iterator<Item = (&'a Wanted, &'a Found)>) -> Option<(&'a Wanted, &'a Found)> {
    let rank = |(_, found): &(&Wanted, &Found)| match found {
        Found::Package { .. } | Found::Resolved(_) => 0,
        Found::Undecided(_) => 1,
        Found::NotShipped | Found::NotSearched(_) | Found::ForeignArchitecture | Found::Unnamed => {
            2
        }
    };
    all.min_by_key(rank)
}

impl Provided {
    /// Adds what the look-up of `item` found.
    fn set_looked_up(&mut self, item: &Item, found: &Found) {
        let packages = |candidates: &[PackagedLibrary]| -> Vec<Package> {
            let packages = candidates.iter().map(|candidate| &candidate.package);
            packages.cloned().collect()
        };
        let (text, advice) = match found {
            Found::Package {
                chosen,
                passed_over,
            } => {
                match item {
                    Item::Library(_) => self.name = Arc::from(chosen.soname.as_os_str()),
                    // The file of a module.
                    Item::File(_) if self.kind == Kind::Module => {}
                    Item::Program(_) | Item::File(_) | Item::Module(_) => {
                        self.name = Arc::from(item.name());
                    }
                }
                if self.kind != Kind::Module {
                    self.kind = item.kind();
                }
                self.provider = Rc::new(Provider::NotInstalled {
                    package: chosen.package.clone(),
                    path: Some(chosen.path.clone()),
                    passed_over: packages(passed_over),
                });
                self.absence = None;
                return;
            }
            Found::Resolved(package) => {
                if self.kind != Kind::Module {
                    self.name = Arc::from(item.name());
                    self.kind = item.kind();
                }
                self.provider = Rc::new(Provider::NotInstalled {
                    package: package.clone(),
                    path: None,
                    passed_over: Vec::new(),
                });
                self.absence = None;
                return;
            }
            Found::Undecided(candidates) => {
                let packages = packages(candidates);
                let names: Vec<String> = packages.iter().map(Package::to_string).collect();
                let text = format!("it may be in {}", names.join(" or "));
                (text, "install one of the named packages and run again")
            }
            Found::NotShipped => (
                "no package of apt's sources ships it".to_owned(),
                COPY_ADVICE,
            ),
            Found::NotSearched(problem) => (
                format!("no package of the architecture ships it, and of the others: {problem}"),
                COPY_ADVICE,
            ),
            Found::Unnamed => (
                "apk has no name for it by which it finds a package".to_owned(),
                "install its package and run again, or pass `--ignore REGEX`",
            ),
            Found::ForeignArchitecture => (
                "dpkg is not configured for its architecture".to_owned(),
                "add the architecture with `dpkg --add-architecture`, or pass `--ignore REGEX`",
            ),
        };
        // A cause that this machine shows has precedence.
        let absence = self.absence.get_or_insert_default();
        absence.cause.get_or_insert_with(|| Cause {
            text,
            advice: Some(advice.to_owned()),
            may_be_packaged: false,
        });
    }
}
