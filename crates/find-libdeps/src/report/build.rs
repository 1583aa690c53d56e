//! Provided demands, grouped and sorted into a [`Report`].

use crate::demand::{Evidence, Kind};
use crate::packages::package::{Package, PackageVersion};
use crate::packages::provider::{Provided, Provider};
use crate::packages::settle::SystemFile;
use crate::report::{ListedPackage, Needed, Report, Users, warnings};
use crate::scan::Counts;
use crate::system::ordered::Ordered as _;
use crate::system::os_release::OsRelease;
use crate::trace::demands::Started;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::rc::Rc;
use std::sync::Arc;

/// The results of all phases.
pub struct Findings {
    pub distribution: OsRelease,
    /// The native architecture.
    pub architecture: String,
    pub provided: Vec<Provided>,
    pub users: Users,
    pub system_files: Vec<SystemFile>,
    pub started: Vec<Started>,
    /// In any order.
    pub warnings: Vec<Warning>,
    pub counts: Counts,
}

impl Report {
    pub fn new(findings: Findings) -> Self {
        let (listed, possible): (Vec<_>, Vec<_>) =
            findings.provided.into_iter().partition(|it| it.is_listed);
        let needed = grouped(listed);
        let packages = packages(&needed);
        let mut possible = grouped(possible);
        possible.retain(|library| match library.provider.package() {
            Some(package) => !packages.contains_key(package),
            None => library.is_unmet() && !needed.iter().any(|it| is_the_same(it, library)),
        });
        let mut warnings = findings.warnings;
        warnings.extend(
            needed
                .iter()
                .filter_map(|it| warnings::of(it, &findings.users)),
        );
        warnings.extend(warnings::left_out(&needed));
        warnings.sort_unstable();
        warnings.dedup();
        Self {
            distribution: findings.distribution,
            architecture: findings.architecture,
            packages: packages.into_values().collect(),
            needed,
            possible,
            users: findings.users,
            system_files: findings.system_files,
            started: findings.started,
            warnings,
            counts: findings.counts,
        }
    }

    /// The listed packages that are installed, or those that are not.
    pub fn listed(&self, is_installed: bool) -> BTreeSet<Package> {
        let listed = self.packages.iter();
        let listed = listed.filter(|listed| listed.is_installed == is_installed);
        listed.map(|listed| listed.package.clone()).ordered()
    }

    pub fn add_versions(&mut self, mut versions: BTreeMap<Package, PackageVersion>) {
        for listed in &mut self.packages {
            if let Some(version) = versions.remove(&listed.package) {
                listed.version = Some(version);
            }
        }
    }
}

/// Whether `needed` reports what `possible` asks for already. A `*` stands for the version of a library
/// that is not found.
fn is_the_same(needed: &Needed, possible: &Needed) -> bool {
    let names = [&needed.name, &possible.name].map(|name| name.as_bytes());
    let is_named = match names[1].strip_suffix(b"*") {
        Some(start) => names[0].starts_with(start),
        None => names[0] == names[1],
    };
    is_named && needed.kind == possible.kind && needed.provider == possible.provider
}

/// The packages that provide `needed`.
fn packages(needed: &[Needed]) -> BTreeMap<Package, ListedPackage> {
    let mut packages: BTreeMap<Package, ListedPackage> = BTreeMap::new();
    for one in needed {
        if let Some(package) = one.provider.package() {
            let entry = packages.entry(package.clone());
            let listed = entry.or_insert_with(|| ListedPackage {
                package: package.clone(),
                is_installed: false,
                version: None,
                listed_for: BTreeSet::new(),
            });
            listed.is_installed |= matches!(one.provider, Provider::Package { .. });
            listed.listed_for.insert(Arc::clone(&one.name));
        }
    }
    packages
}

/// Demands for one name with one provider, together and sorted.
fn grouped(demands: Vec<Provided>) -> Vec<Needed> {
    type Key = (
        Arc<OsStr>,
        Kind,
        Evidence,
        Rc<Provider>,
        Option<&'static str>,
    );
    let mut groups: HashMap<Key, Vec<Provided>> = HashMap::new();
    for one in demands {
        let key = (
            Arc::clone(&one.demanded),
            one.kind,
            one.evidence,
            Rc::clone(&one.provider),
            one.reason,
        );
        groups.entry(key).or_default().push(one);
    }
    let groups = groups.into_iter().filter_map(|(key, mut group)| {
        let (_, kind, evidence, provider, reason) = key;
        group.sort_by(|a, b| a.site.cmp(&b.site));
        let first = group.first_mut()?;
        let name = Arc::clone(&first.name);
        let absence = first.absence.take();
        let count = group.iter().map(|one| 1 + one.others.len()).sum();
        let mut needed_by = Vec::with_capacity(count);
        for one in group {
            needed_by.push(one.site);
            needed_by.extend(one.others);
        }
        needed_by.sort_unstable();
        // A file may demand a library twice.
        needed_by.dedup();
        Some(Needed {
            name,
            kind,
            reason,
            evidence,
            provider: Rc::unwrap_or_clone(provider),
            needed_by,
            absence,
        })
    });
    let mut needed: Vec<Needed> = groups.collect();
    needed.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    needed
}

fn sort_key(library: &Needed) -> impl Ord {
    let provider = &library.provider;
    let (rank, foreign) = match provider {
        Provider::Package { .. } | Provider::NotInstalled { .. } => (0, None),
        Provider::Unowned { .. } => (1, None),
        Provider::Bundled { .. } => (2, None),
        Provider::Interpreter { .. } => (3, None),
        Provider::Host => (4, None),
        Provider::LeftOut => (5, None),
        Provider::Missing { foreign } => (6, *foreign),
    };
    (
        &library.name,
        library.kind,
        rank,
        provider.path(),
        provider.place().and_then(|place| place.found_by),
        foreign,
        library.evidence,
        library.reason,
        // The look-up may find one library for two names.
        &library.needed_by,
    )
}
