//! Debian packages made for a test, and an archive that holds them.

use super::run::Run;
use super::sandbox::open_to_all;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// A package to be built.
pub struct Deb {
    name: String,
    version: String,
    architecture: String,
    fields: String,
    files: Vec<(String, String)>,
    control: Vec<(String, String)>,
}

impl Deb {
    /// A package for all architectures, with nothing in it.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "all".to_owned(),
            fields: String::new(),
            files: Vec::new(),
            control: Vec::new(),
        }
    }

    /// The same for one architecture.
    pub fn of(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// One more line in its control file.
    pub fn field(mut self, line: &str) -> Self {
        self.fields.push_str(line);
        self.fields.push('\n');
        self
    }

    /// A file in it.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// A file beside its control file: a maintainer script, `conffiles`, `templates`.
    pub fn control(mut self, name: &str, text: &str) -> Self {
        self.control.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Builds it into `dir`.
    pub fn build(&self, dir: &Path) {
        let tree = TempDir::new_in(super::target_dir()).expect("a directory");
        open_to_all(tree.path());
        let control = format!(
            "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: Nobody <nobody@example.org>\n\
             Installed-Size: 10\nDescription: a package of the tests\n{}",
            self.name, self.version, self.architecture, self.fields
        );
        let mut files = self.files.clone();
        files.push(("/DEBIAN/control".to_owned(), control));
        for (name, text) in &self.control {
            files.push((format!("/DEBIAN/{name}"), text.clone()));
        }
        for (path, text) in files {
            let path = tree.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        }
        Run::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .arg(tree.path())
            .arg(dir.join(format!(
                "{}_{}_{}.deb",
                self.name, self.version, self.architecture
            )))
            .must();
    }
}

/// An archive in which each folder is a suite: `main`, and others that a test adds.
pub struct Archive {
    dir: TempDir,
}

impl Archive {
    /// An empty archive.
    pub fn new() -> Self {
        let dir = TempDir::new_in(super::target_dir()).expect("a directory");
        open_to_all(dir.path());
        Self { dir }
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds packages to `suite`, and writes its indexes anew.
    pub fn add(&self, suite: &str, packages: &[Deb]) {
        let dir = self.dir.path().join(suite);
        fs::create_dir_all(&dir).expect("a directory");
        open_to_all(&dir);
        for package in packages {
            package.build(&dir);
        }
        let index = Run::new("apt-ftparchive")
            .args(["packages", suite])
            .dir(self.dir.path())
            .must()
            // A source names a suite's own folder.
            .replace(&format!("Filename: {suite}/"), "Filename: ");
        fs::write(dir.join("Packages"), index).expect("a file");
        let release = Run::new("apt-ftparchive")
            .args(["-o", &format!("APT::FTPArchive::Release::Suite={suite}")])
            .args(["-o", &format!("APT::FTPArchive::Release::Codename={suite}")])
            .args(["release", suite])
            .dir(self.dir.path())
            .must();
        fs::write(dir.join("Release"), release).expect("a file");
    }

    /// The line for `sources.list` that names `suite`, where the archive is seen at `/srv`.
    pub fn source(suite: &str) -> String {
        format!("deb [trusted=yes] copy:/srv/{suite} ./\n")
    }
}
