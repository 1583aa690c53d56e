//! Disables those of apt's hooks that would add files to the layer or empty a kept cache.
//!
//! A list in apt's configuration can only be emptied as a whole, with `#clear` in a file
//! (apt.conf(5)), so the other hooks in the list are added again.

use super::configuration::Configuration;
use crate::message::warn;
use rustix::fs::MemfdFlags;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;

/// The lists that are checked.
const PRE_INSTALL: &str = "DPkg::Pre-Install-Pkgs";
const POST_INVOKE: [&str; 2] = ["DPkg::Post-Invoke", "APT::Update::Post-Invoke"];

/// Changes to the lists of hooks in a configuration.
#[derive(Debug, Default)]
struct Hooks {
    /// Lists to empty.
    clear: Vec<&'static str>,
    /// Hooks to add again, as arguments of `-o`.
    add: Vec<OsString>,
}

/// Disables hooks as long as it lives.
#[derive(Debug, Default)]
pub(crate) struct HeldOff {
    /// Arguments for apt's programs.
    pub(super) arguments: Vec<OsString>,
    /// The configuration file, which the arguments name by its descriptor. It is in memory, so that
    /// nothing is left on disk.
    pub(super) _file: Option<File>,
}

impl HeldOff {
    /// Disables those of apt's hooks that would add files to the layer and, with `keep`, those that
    /// would delete kept lists or packages. A failure is a warning.
    pub(crate) fn new(configuration: &Configuration, keep: bool) -> Self {
        let held_off = Hooks::new(configuration, keep).hold_off();
        held_off.unwrap_or_else(|error| {
            warn(&format!(
                "cannot disable apt's hooks: {error}; they may add files to the layer"
            ));
            Self::default()
        })
    }
}

impl Hooks {
    /// Chooses the hooks to disable.
    ///
    /// `dpkg-preconfigure` is always disabled: without a user there is nothing to ask, and it opens
    /// debconf's databases for writing, which copies them into the layer. With `keep`, hooks that
    /// empty apt's lists or cache (docker-clean) are disabled too.
    fn new(configuration: &Configuration, keep: bool) -> Self {
        let mut hooks = Self::default();
        let spoils_cache = |hook: &str| {
            ["/var/cache/apt", "/var/lib/apt/lists", "apt-get clean"]
                .iter()
                .any(|mark| hook.contains(mark))
        };
        hooks.look_at(PRE_INSTALL, configuration, &|hook| {
            hook.contains("dpkg-preconfigure")
        });
        if keep {
            for list in POST_INVOKE {
                hooks.look_at(list, configuration, &spoils_cache);
            }
        }
        hooks
    }

    fn look_at(
        &mut self,
        list: &'static str,
        configuration: &Configuration,
        spoils: &dyn Fn(&str) -> bool,
    ) {
        let (off, stay): (Vec<&str>, Vec<&str>) =
            configuration.list(list).partition(|hook| spoils(hook));
        if off.is_empty() {
            return;
        }
        self.clear.push(list);
        self.add.extend(
            stay.into_iter()
                .map(|hook| OsString::from(format!("{list}::={hook}"))),
        );
    }

    /// Writes the configuration file. Returns no arguments if there is no hook to disable, or no
    /// `/proc` through which to name the file.
    fn hold_off(self) -> io::Result<HeldOff> {
        let Some(text) = self.file() else {
            return Ok(HeldOff::default());
        };
        // Not close-on-exec: the programs inherit the descriptor.
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

    /// Returns the text of the configuration file that empties the lists, if there are any.
    fn file(&self) -> Option<String> {
        (!self.clear.is_empty()).then(|| {
            let lines = self.clear.iter().map(|list| format!("#clear {list};\n"));
            lines.collect()
        })
    }
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
    fn only_hooks_that_write_to_the_layer_are_disabled() {
        let hooks = Hooks::new(&Configuration::parse(DUMP), false);
        assert_eq!(hooks.clear, ["DPkg::Pre-Install-Pkgs"]);
        assert_eq!(hooks.add, ["DPkg::Pre-Install-Pkgs::=audit \"%s\""]);
        assert_eq!(
            hooks.file().as_deref(),
            Some("#clear DPkg::Pre-Install-Pkgs;\n")
        );
    }

    #[test]
    fn hooks_that_empty_a_kept_cache_are_disabled() {
        let hooks = Hooks::new(&Configuration::parse(DUMP), true);
        assert_eq!(hooks.clear, ["DPkg::Pre-Install-Pkgs", "DPkg::Post-Invoke"]);
        assert_eq!(hooks.add.len(), 1);
    }

    #[test]
    fn without_hooks_to_disable_there_is_no_file() {
        assert_eq!(Hooks::new(&Configuration::parse(""), true).file(), None);
    }
}
