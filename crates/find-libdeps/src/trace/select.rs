//! Selects the objects that an image must have from those that a traced command loaded.
//!
//! An object from outside the given paths is selected if code asked for it (`dlopen`), or if a
//! bundled object or an unowned library needs it. Not selected are:
//!
//! - needs of a packaged library, because apt installs them with it;
//! - parts of the interpreter: its modules (`lib-dynload`), its `libpython`, and the needs of these
//!   and of the interpreter itself. Debian's extension modules (`dist-packages`) are not part of it,
//!   because other packages ship them;
//! - objects that the C library loads by name: NSS and gconv modules, which the machine's
//!   configuration names (nsswitch.conf(5), iconv(1)), and `libgcc_s`, which comes with it;
//! - objects that a program from outside the given paths loads (`git`), because its own package
//!   depends on them. Such programs are returned instead. Python interpreters never count as such
//!   programs, wherever they are, because the modules that they import cannot be distinguished from
//!   those of the given paths. If such a program loads a bundled object, the objects that it loads
//!   by name are selected too.
//!
//! An object that several others ask for counts for the first of them. Nothing is run or read here;
//! the caller knows the owners of files.

use crate::files::is_stdlib;
use crate::loader::never_packaged;
use crate::trace::command::{Trace, TracedProgram};
use crate::trace::ld_debug::{FailedLoad, LoadedObject, Requester};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The objects and programs that count.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection<'a> {
    /// Libraries and modules, sorted by path; one entry per object that asks.
    pub libraries: Vec<&'a LoadedObject>,
    /// Programs from outside the given paths that were started: their paths, or their names if the
    /// path is unknown.
    pub programs: BTreeSet<PathBuf>,
    /// What code asked for and did not get, each with the process.
    pub failed: Vec<(&'a FailedLoad, &'a TracedProgram)>,
}

/// Where an object comes from, which decides whether it is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provenance {
    /// Below the given paths.
    Bundled,
    /// The interpreter or a part of it.
    Interpreter,
    /// Loaded by name by the C library.
    Configured,
    /// In a package, or the main program of a process from outside the given paths.
    Packaged,
    /// In no package.
    Unowned,
}

/// Selects from `trace`. Both callbacks get paths as the loader opened them: `is_inside` returns
/// whether the real file is below the given paths, `is_owned` whether a package owns it.
pub fn select<'a>(
    trace: &'a Trace,
    is_inside: &dyn Fn(&Path) -> bool,
    is_owned: &dyn Fn(&Path) -> bool,
) -> Selection<'a> {
    let mut selection = Selection::default();
    for process in &trace.processes {
        let program = process.program.as_deref().unwrap_or(Path::new(""));
        let is_own = process.program.is_some() && is_inside(program);
        let is_python = is_python(process);
        if !is_own && !is_python {
            let path = process.program.clone();
            let path = path.unwrap_or_else(|| PathBuf::from(&process.name));
            selection.programs.insert(path);
            if !process.loaded.iter().any(|object| is_inside(&object.path)) {
                continue;
            }
        }
        let mut first = HashMap::new();
        for object in &process.loaded {
            first.entry(object.path.as_path()).or_insert(object);
        }
        let provenances = Provenances {
            first,
            main: match (is_own, is_python) {
                (true, _) => Provenance::Bundled,
                (_, true) => Provenance::Interpreter,
                _ => Provenance::Packaged,
            },
            is_inside,
            is_owned,
        };
        let selected = process
            .loaded
            .iter()
            .filter(|object| provenances.is_selected(object));
        for object in selected {
            if !selection.libraries.contains(&object) {
                selection.libraries.push(object);
            }
        }
        let failed = process.failed.iter();
        let failed = failed.filter(|failed| provenances.is_failure(failed));
        selection
            .failed
            .extend(failed.map(|failed| (failed, process)));
    }
    selection
        .libraries
        .sort_unstable_by(|a, b| (&a.path, &a.requested).cmp(&(&b.path, &b.requested)));
    selection
}

/// The provenance of each object in one process.
struct Provenances<'a> {
    /// The first request for each object.
    first: HashMap<&'a Path, &'a LoadedObject>,
    /// The main program's.
    main: Provenance,
    is_inside: &'a dyn Fn(&Path) -> bool,
    is_owned: &'a dyn Fn(&Path) -> bool,
}

impl Provenances<'_> {
    fn is_selected(&self, object: &LoadedObject) -> bool {
        let is_asked_for = object.is_dlopen
            || matches!(
                self.of_requester(object),
                Provenance::Bundled | Provenance::Unowned
            );
        match self.of(object) {
            Provenance::Packaged | Provenance::Unowned => is_asked_for,
            // Unless code asked for it once more.
            Provenance::Configured => object.by == Requester::Unknown,
            Provenance::Bundled | Provenance::Interpreter => false,
        }
    }

    /// Whether a request that failed is that of code in the tree or in an interpreter. What a bundled
    /// object needs is resolved without a trace; what a packaged library can use, its package
    /// suggests; and a copy below the given paths is in no package.
    fn is_failure(&self, failed: &FailedLoad) -> bool {
        let is_by_code = match &failed.by {
            Requester::Program | Requester::Unknown => self.main != Provenance::Packaged,
            Requester::Object(path) if is_stdlib(path) => true,
            Requester::Object(path) if (self.is_inside)(path) => failed.is_dlopen,
            Requester::Object(path) => !(self.is_owned)(path),
        };
        is_by_code && !(self.is_inside)(Path::new(&failed.requested))
    }

    fn of_requester(&self, object: &LoadedObject) -> Provenance {
        match &object.by {
            Requester::Program => self.main,
            Requester::Object(path) => match self.first.get(path.as_path()) {
                Some(object) => self.of(object),
                None => Provenance::Packaged,
            },
            Requester::Unknown => Provenance::Packaged,
        }
    }

    /// The provenance of the file of `object`.
    fn of(&self, object: &LoadedObject) -> Provenance {
        // Walks up to a requester that is known by its path, and down again.
        let mut chain: Vec<&LoadedObject> = Vec::new();
        let mut next = self.first.get(object.path.as_path()).copied();
        let mut provenance = self.main;
        while let Some(object) = next {
            if let Some(known) = self.by_path(object) {
                provenance = known;
                break;
            }
            // An object is always asked for by an earlier one; only forged output has a cycle.
            if chain.len() > self.first.len() {
                break;
            }
            chain.push(object);
            next = match &object.by {
                Requester::Object(path) => self.first.get(path.as_path()).copied(),
                Requester::Program | Requester::Unknown => None,
            };
        }
        for object in chain.into_iter().rev() {
            provenance = if provenance == Provenance::Configured
                || object.is_dlopen && object.by.is_libc()
            {
                Provenance::Configured
            } else if provenance == Provenance::Interpreter && !object.is_dlopen {
                Provenance::Interpreter
            } else if (self.is_owned)(&object.path) {
                Provenance::Packaged
            } else {
                Provenance::Unowned
            };
        }
        provenance
    }

    fn by_path(&self, object: &LoadedObject) -> Option<Provenance> {
        let path = object.path.as_path();
        let name = path.file_name().unwrap_or_default();
        if (self.is_inside)(path) {
            Some(Provenance::Bundled)
        } else if is_stdlib(path) || never_packaged::by_interpreter(name) && !(self.is_owned)(path)
        {
            Some(Provenance::Interpreter)
        } else {
            None
        }
    }
}

/// Whether the program is a Python interpreter, by its name or by what it loads.
fn is_python(process: &TracedProgram) -> bool {
    let name = Path::new(&process.name).file_name().map(OsStr::as_bytes);
    let is_called =
        name.is_some_and(|name| name.starts_with(b"python") || name.starts_with(b"pypy"));
    is_called || process.loaded.iter().any(|object| is_stdlib(&object.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    const CTYPES: &str = "/usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so";
    const LIBC: &str = "/lib/libc.so.6";

    /// An object that `by` needs, or loads if `by` begins with `dlopen `; `-` is the program, `?` is
    /// unknown.
    fn object(path: &str, by: &str) -> LoadedObject {
        let by_dlopen = by.strip_prefix("dlopen ");
        LoadedObject {
            path: path.into(),
            requested: path.into(),
            by: match by_dlopen.unwrap_or(by) {
                "-" => Requester::Program,
                "?" => Requester::Unknown,
                path => Requester::Object(path.into()),
            },
            is_dlopen: by_dlopen.is_some(),
        }
    }

    /// The selection from a program that loads `objects` in this order. The given path is `/venv`;
    /// files in `/lib` and `/usr/lib` are owned.
    fn selected(program: &str, objects: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let process = TracedProgram {
            name: program.into(),
            program: Some(program.into()),
            loaded: objects.iter().map(|(path, by)| object(path, by)).collect(),
            failed: Vec::new(),
        };
        let trace = Trace {
            status: ExitStatus::default(),
            processes: vec![process.clone(), process],
            warnings: BTreeSet::new(),
        };
        let is_owned = |path: &Path| path.starts_with("/lib") || path.starts_with("/usr/lib");
        let selection = select(&trace, &|path| path.starts_with("/venv"), &is_owned);
        let text = |path: &Path| path.display().to_string();
        (
            selection
                .libraries
                .iter()
                .map(|object| text(&object.path))
                .collect(),
            selection.programs.iter().map(|path| text(path)).collect(),
        )
    }

    fn libraries(program: &str, objects: &[(&str, &str)]) -> Vec<String> {
        selected(program, objects).0
    }

    #[test]
    fn an_object_that_code_asks_for_is_selected_and_its_needs_are_not() {
        // Dependencies are initialised first.
        let objects = [
            ("/lib/libffi.so.8", CTYPES),
            (CTYPES, "dlopen -"),
            ("/lib/libbz2.so.1.0", "/lib/libmagic.so.1"),
            ("/lib/libmagic.so.1", &format!("dlopen {CTYPES}")),
        ];
        assert_eq!(
            libraries("/usr/bin/python3", &objects),
            ["/lib/libmagic.so.1"]
        );
    }

    #[test]
    fn the_needs_of_bundled_and_unowned_objects_are_selected() {
        let objects = [
            ("/lib/liba.so", "/venv/x.so"),
            ("/lib/libb.so", "/opt/libo.so"),
            ("/opt/libo.so", "/venv/x.so"),
            ("/venv/x.so", "dlopen -"),
        ];
        let wanted = ["/lib/liba.so", "/lib/libb.so", "/opt/libo.so"];
        assert_eq!(libraries("/usr/bin/python3", &objects), wanted);
    }

    #[test]
    fn parts_of_the_interpreter_are_not_selected_wherever_they_are() {
        let objects = [
            ("/opt/lib/libpython3.12.so.1.0", "-"),
            ("/lib/libm.so.6", "/opt/lib/libpython3.12.so.1.0"),
            ("/lib/libcrypto.so.3", "/lib/libssl.so.3"),
            (
                "/lib/libssl.so.3",
                "/opt/lib/python3.12/lib-dynload/_ssl.so",
            ),
            ("/opt/lib/python3.12/lib-dynload/_ssl.so", "dlopen -"),
            ("/lib/libssl.so.3", "dlopen ?"),
        ];
        assert!(libraries("/opt/bin/python3.12", &objects).is_empty());
    }

    #[test]
    fn a_module_of_another_package_is_selected() {
        let module = "/usr/lib/python3/dist-packages/lxml/etree.cpython-311-x86_64-linux-gnu.so";
        let objects = [("/lib/libxml2.so.2", module), (module, "dlopen -")];
        assert_eq!(libraries("/usr/bin/python3", &objects), [module]);
    }

    #[test]
    fn an_object_that_the_c_library_loads_by_name_is_selected_only_if_others_ask_for_it() {
        let nss = [
            ("/lib/libcap.so.2", "/lib/libnss_systemd.so.2"),
            ("/lib/libnss_systemd.so.2", &format!("dlopen {LIBC}")[..]),
        ];
        assert!(libraries("/usr/bin/python3", &nss).is_empty());
        let asked = [&nss[..], &[("/lib/libcap.so.2", "dlopen ?")]].concat();
        assert_eq!(libraries("/usr/bin/python3", &asked), ["/lib/libcap.so.2"]);
    }

    #[test]
    fn a_program_from_elsewhere_is_returned_and_its_libraries_are_not_selected() {
        let git = [
            ("/lib/libpcre2-8.so.0", "-"),
            ("/lib/libz.so.1", "dlopen -"),
        ];
        assert_eq!(
            selected("/usr/bin/git", &git),
            (vec![], vec!["/usr/bin/git".to_owned()])
        );
        let server = [&git[..], &[("/venv/x.so", "dlopen -")]].concat();
        let (libraries, programs) = selected("/usr/bin/server", &server);
        assert_eq!(libraries, ["/lib/libz.so.1"]);
        assert_eq!(programs, ["/usr/bin/server"]);
    }

    #[test]
    fn the_needs_of_a_bundled_program_are_selected() {
        let objects = [("/lib/libpq.so.5", "-")];
        let wanted = (vec!["/lib/libpq.so.5".to_owned()], vec![]);
        assert_eq!(selected("/venv/bin/tool", &objects), wanted);
    }
}
