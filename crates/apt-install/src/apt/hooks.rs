//! apt's hooks that would spoil the layer, from `apt-config dump`: which of them are held off,
//! and which stay.
//!
//! A list in apt's configuration can only be emptied by `#clear` in a file (apt.conf(5)), so that
//! the hooks that stay are added again after it. Everyone else's hooks stay.

use crate::escape;
use rustix::fs::MemfdFlags;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;

/// The arguments for `apt-config` that make it print each key and value, percent-encoded, on a
/// line of its own.
pub(super) const DUMP: [&str; 3] = ["dump", "--format", "%F %V%n"];

/// The hooks that are looked at.
const PRE_INSTALL: &str = "DPkg::Pre-Install-Pkgs";
const POST_INVOKE: [&str; 2] = ["DPkg::Post-Invoke", "APT::Update::Post-Invoke"];

/// What is done about the hooks of a configuration.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    /// The lists to empty.
    clear: Vec<&'static str>,
    /// What is added to them again, as arguments of `-o`.
    add: Vec<OsString>,
}

/// Hooks that are held off for as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct HeldOff {
    /// What apt's programs are told.
    pub(super) arguments: Vec<OsString>,
    /// The configuration file that the arguments name by the number of its descriptor. It is in
    /// memory: one on disk would have to be deleted again.
    pub(super) _file: Option<File>,
}

impl Hooks {
    /// What is done about the hooks in the output of `apt-config dump`, each line a key, a
    /// space and a percent-encoded value.
    ///
    /// `dpkg-preconfigure` is always held off: it has nothing to ask where nobody answers, and
    /// opens debconf's databases for writing, which copies them into the layer. With `keep`,
    /// hooks that empty apt's cache (those of docker-clean) are held off too.
    pub(super) fn new(dump: &str, keep: bool) -> Self {
        let mut hooks = Self::default();
        let spoils_cache = |hook: &str| {
            ["/var/cache/apt", "/var/lib/apt/lists", "apt-get clean"]
                .iter()
                .any(|mark| hook.contains(mark))
        };
        hooks.look_at(PRE_INSTALL, dump, &|hook| {
            hook.contains("dpkg-preconfigure")
        });
        if keep {
            for list in POST_INVOKE {
                hooks.look_at(list, dump, &spoils_cache);
            }
        }
        hooks
    }

    fn look_at(&mut self, list: &'static str, dump: &str, spoils: &dyn Fn(&str) -> bool) {
        let (off, stay): (Vec<String>, Vec<String>) =
            entries(list, dump).partition(|hook| spoils(hook));
        if off.is_empty() {
            return;
        }
        self.clear.push(list);
        self.add.extend(
            stay.into_iter()
                .map(|hook| OsString::from(format!("{list}::={hook}"))),
        );
    }

    /// Holds the hooks off; none where there is no need, or no `/proc` to name the file by.
    pub(super) fn hold_off(self) -> io::Result<HeldOff> {
        let Some(text) = self.file() else {
            return Ok(HeldOff::default());
        };
        // The programs that are run inherit its descriptor.
        let mut file = File::from(rustix::fs::memfd_create("hooks", MemfdFlags::empty())?);
        file.write_all(text.as_bytes())?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        if !Path::new(&path).exists() {
            return Ok(HeldOff::default());
        }
        let mut arguments = vec!["-c".into(), path.into()];
        for hook in self.add {
            arguments.extend(["-o".into(), hook]);
        }
        Ok(HeldOff {
            arguments,
            _file: Some(file),
        })
    }

    /// The text of the configuration file that empties the lists; none where there is no need.
    fn file(&self) -> Option<String> {
        (!self.clear.is_empty()).then(|| {
            let lines = self.clear.iter().map(|list| format!("#clear {list};\n"));
            lines.collect()
        })
    }
}

/// The entries of a list: those without a name of their own, and those with one.
fn entries<'a>(list: &'a str, dump: &'a str) -> impl Iterator<Item = String> + 'a {
    dump.lines().filter_map(move |line| {
        let (key, value) = line.split_once(' ')?;
        let (parent, below) = key.split_at_checked(list.len())?;
        (parent.eq_ignore_ascii_case(list) && below.starts_with("::") && !value.is_empty())
            .then(|| decode(value))
    })
}

/// As `DeQuoteString` in apt-pkg/contrib/strutl.cc reads it.
fn decode(value: &str) -> String {
    let bytes = escape::decode(value.as_bytes(), b'%', 2, 16);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
APT::Architecture amd64
DPkg::Pre-Install-Pkgs 
DPkg::Pre-Install-Pkgs:: /usr/sbin/dpkg-preconfigure%20--apt%20||%20true
DPkg::Pre-Install-Pkgs:: audit%20%22%25s%22
DPkg::Post-Invoke 
DPkg::Post-Invoke:: rm%20-f%20/var/cache/apt/archives/*.deb%20||%20true
APT::Update::Post-Invoke:: tell
";

    #[test]
    fn only_what_spoils_the_layer_is_held_off() {
        let hooks = Hooks::new(DUMP, false);
        assert_eq!(hooks.clear, ["DPkg::Pre-Install-Pkgs"]);
        assert_eq!(hooks.add, ["DPkg::Pre-Install-Pkgs::=audit \"%s\""]);
        assert_eq!(
            hooks.file().as_deref(),
            Some("#clear DPkg::Pre-Install-Pkgs;\n")
        );
    }

    #[test]
    fn where_the_cache_is_kept_what_empties_it_is_held_off() {
        let hooks = Hooks::new(DUMP, true);
        assert_eq!(hooks.clear, ["DPkg::Pre-Install-Pkgs", "DPkg::Post-Invoke"]);
        assert_eq!(hooks.add.len(), 1);
    }

    #[test]
    fn without_such_hooks_there_is_no_file() {
        assert_eq!(Hooks::new("", true).file(), None);
    }
}
