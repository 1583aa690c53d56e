//! Each row of the table of distributions, tried in slim Debian roots: without what it names the
//! distribution fails, with it it works.

use crate::fixture::PROGRAM;
use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::run::{Run, Said};
use crate::support::{debian, target_dir};
use find_libdeps::demand::{Item, LibraryName};
use find_libdeps::run_time::table::{Row, rows};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const EXERCISES: &str = include_str!("dlopen_table.txt");
/// The Python of each release.
const PYTHONS: [(&str, &str); 2] = [("bookworm", "3.11"), ("trixie", "3.13")];

/// Unpacks wheels, each into the directory that follows it.
const UNPACK: &str = "import sys, zipfile
for wheel, site in zip(sys.argv[1::2], sys.argv[2::2]):
    zipfile.ZipFile(wheel).extractall(site)";

/// How the rows are tried; the file says what each part is.
#[derive(Default)]
struct Exercises {
    shared: Vec<&'static str>,
    rows: Vec<Exercise>,
}

#[derive(Default)]
struct Exercise {
    name: &'static str,
    install: Vec<&'static str>,
    run: &'static str,
    without: &'static str,
    with: &'static str,
    large: &'static str,
    unlisted: &'static str,
    by_hand: &'static str,
}

fn exercises() -> Exercises {
    let mut all = Exercises::default();
    for line in EXERCISES.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            all.rows.push(Exercise {
                name,
                ..Exercise::default()
            });
            continue;
        }
        let Some((key, value)) = line.split_once(' ') else {
            assert_eq!(line, "", "a line without a value");
            continue;
        };
        let words = value.split_whitespace();
        match (key, all.rows.last_mut()) {
            ("shared", None) => all.shared.extend(words),
            ("install", Some(row)) => row.install.extend(words),
            ("run", Some(row)) => row.run = value,
            ("without", Some(row)) => row.without = value,
            ("with", Some(row)) => row.with = value,
            ("large", Some(row)) => row.large = value,
            ("unlisted", Some(row)) => row.unlisted = value,
            ("by-hand", Some(row)) => row.by_hand = value,
            _ => panic!("an unknown line: {line}"),
        }
    }
    all
}

test!(each_row_of_the_table_has_an_exercise_that_fails_without_what_it_needs);
fn each_row_of_the_table_has_an_exercise_that_fails_without_what_it_needs() {
    let exercises = exercises();
    let tried = exercises.rows.iter();
    let tried: Vec<_> = tried
        .map(|row| (row.name, !row.without.is_empty() || !row.by_hand.is_empty()))
        .collect();
    let is_needy = |row: &Row| row.needs.iter().any(|need| need.is_required);
    let is_tried = |name: &str| tried.iter().any(|(tried, _)| *tried == name);
    let wanted = rows().iter().map(|row| (row.distribution, is_needy(row)));
    let wanted = wanted.filter(|(name, is_needy)| *is_needy || is_tried(name));
    assert_eq!(tried, wanted.collect::<Vec<_>>());
}

test!(
    each_row_of_the_table_holds,
    needs = &[Need::Mmdebstrap, Need::Ldd, Need::Pip],
    limit = 1800,
    on = [bookworm, trixie]
);
fn each_row_of_the_table_holds(release: &str) {
    let exercises = exercises();
    let root = debian::root(release, &["python3"]);
    let root = root.path();
    install(&exercises, release, root);

    let all = exercises.rows.iter().filter(|row| row.by_hand.is_empty());
    let all: Vec<&Exercise> = all.collect();
    let mut differences = Vec::new();
    // How an exercise fails is up to the distribution, and what makes it work to the release.
    if release == "trixie" {
        let hidden = hide(root);
        differences = self::differences(&all, release, root, |row| row.without);
        unhide(root, &hidden);
    }
    apt_get(root, &["update"]).must();
    let (large, small): (Vec<&Exercise>, Vec<&Exercise>) =
        all.into_iter().partition(|row| !row.large.is_empty());
    let is_of = |package: &str, row: &Exercise| package.starts_with(row.large);
    let mut packages = packages(root);
    for row in &large {
        let is_listed = packages.iter().any(|package| is_of(package, row));
        assert_eq!(is_listed, row.unlisted != release, "[{}]", row.name);
    }
    packages.retain(|package| !large.iter().any(|row| is_of(package, row)));
    apt_install(root, packages.iter().map(String::as_str));
    differences.extend(self::differences(&small, release, root, |row| row.with));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Runs each exercise, and returns those that do not end with the `wanted` line.
fn differences(
    exercises: &[&Exercise],
    release: &str,
    root: &Path,
    wanted: impl Fn(&Exercise) -> &'static str,
) -> Vec<String> {
    let mut differences = Vec::new();
    for row in exercises {
        let said = Run::new("chroot")
            .arg(root)
            .args(["python3", "-W", "ignore", "-c", row.run, "x"])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env(
                "PYTHONPATH",
                format!("{}/{}:/shared", site(release), row.name),
            )
            .said();
        let said = failure(&said).replace(&site(release), "/site");
        let wanted = wanted(row);
        if said != wanted {
            differences.push(format!("[{}]\nwanted: {wanted}\ngot: {said}", row.name));
        }
    }
    differences
}

/// The last line that is not empty where the exercise failed.
fn failure(said: &Said) -> &str {
    let mut lines = said.stderr.lines().rev().map(str::trim);
    let last = lines.find(|line| !line.is_empty());
    match said.status {
        0 => "",
        _ => last.unwrap_or("it said nothing"),
    }
}

/// The directory of the rows' own distributions. Its name is what says which standard library they
/// use, as there is no virtualenv.
fn site(release: &str) -> String {
    format!("/site/python{}", python(release))
}

fn python(release: &str) -> &'static str {
    let mut pythons = PYTHONS.into_iter();
    let found = pythons.find(|(name, _)| *name == release);
    found.expect("a release with a Python").1
}

/// Puts the distributions into the root: each row's own into a directory of its name, as some of them
/// have modules of the same name, and the others into `/shared`.
fn install(exercises: &Exercises, release: &str, root: &Path) {
    let own = own(exercises);
    let mut wheels = Vec::new();
    for row in &exercises.rows {
        let site = root.join(&site(release)[1..]).join(row.name);
        fs::create_dir_all(&site).expect("a directory");
        for requirement in &row.install {
            wheels.extend([wheel(&own, requirement), site.clone()]);
        }
    }
    Run::new("python3").args(["-c", UNPACK]).args(wheels).must();
    let shared = shared(exercises, release);
    Run::new("cp")
        .arg("-r")
        .arg(shared)
        .arg(root.join("shared"))
        .must();
}

/// The directory with the wheels of all rows, kept between runs.
fn own(exercises: &Exercises) -> PathBuf {
    let all: BTreeSet<&str> = exercises
        .rows
        .iter()
        .flat_map(|row| row.install.iter().copied())
        .collect();
    let all: Vec<&str> = all.into_iter().collect();
    kept("dlopen-own", &all, |dir| {
        // The wheels of soundfile for a platform bring the library.
        pip(&["wheel", "--no-deps", "--no-binary=soundfile"])
            .arg("--wheel-dir")
            .arg(dir)
            .args(&all)
            .must();
    })
}

/// The directory with what the rows share, for the release's Python, kept between runs.
fn shared(exercises: &Exercises, release: &str) -> PathBuf {
    let all = &exercises.shared;
    kept(&format!("dlopen-shared-{release}"), all, |dir| {
        pip(&["install", "--no-compile", "--only-binary=:all:"])
            .args(["--python-version", python(release)])
            .arg("--target")
            .arg(dir)
            .args(all)
            .must();
    })
}

/// The directory `name` that `make` filled once for these `requirements`.
fn kept(name: &str, requirements: &[&str], make: impl FnOnce(&Path)) -> PathBuf {
    let _lock = crate::support::lock(name);
    let dir = target_dir().join(name);
    let done = dir.with_extension("done");
    let requirements = requirements.join("\n");
    if fs::read_to_string(&done).is_ok_and(|made| made == requirements) {
        return dir;
    }
    let _ = fs::remove_file(&done);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory");
    make(&dir);
    fs::write(done, requirements).expect("a file");
    dir
}

/// pip with the whole environment, which may say how its index is reached.
fn pip(arguments: &[&str]) -> Run {
    let venv = target_dir().join("pip");
    let run = Run::new(venv.join("bin/pip")).args(arguments);
    std::env::vars()
        .fold(run, |run, (name, value)| run.env(&name, value))
        .args(["--quiet", "--disable-pip-version-check"])
}

/// The wheel of `name==version`.
fn wheel(dir: &Path, requirement: &str) -> PathBuf {
    let plain = |text: &str| text.replace(['-', '.', '='], "_").to_lowercase();
    let wanted = format!("{}_", plain(&requirement.replace("==", "-")));
    let mut wheels = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        plain(&name.to_string_lossy()).starts_with(&wanted)
    };
    wheels
        .find(is_it)
        .unwrap_or_else(|| panic!("no wheel of {requirement} in {}", dir.display()))
}

/// Hides the libraries and programs of the table that a plain root has for its own programs, and
/// returns where they were.
fn hide(root: &Path) -> Vec<PathBuf> {
    let hidden = root.join("hidden");
    fs::create_dir(&hidden).expect("a directory");
    let names: Vec<String> = rows().iter().flat_map(needed).flatten().collect();
    let mut files = Vec::new();
    for dir in library_dirs(root).into_iter().chain([root.join("usr/bin")]) {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if names.iter().any(|wanted| is_it(&name, wanted)) {
                fs::rename(&path, hidden.join(&*name)).expect("the file can be moved");
                files.push(path);
            }
        }
    }
    Run::new("chroot").arg(root).arg("/sbin/ldconfig").must();
    files
}

/// Whether the file `name` is the program `wanted`, or a library whose name begins with it.
fn is_it(name: &str, wanted: &str) -> bool {
    name == wanted || wanted.contains(".so") && name.starts_with(wanted)
}

fn unhide(root: &Path, files: &[PathBuf]) {
    for path in files {
        let name = path.file_name().unwrap_or_default();
        fs::rename(root.join("hidden").join(name), path).expect("the file can be moved");
    }
    Run::new("chroot").arg(root).arg("/sbin/ldconfig").must();
}

fn library_dirs(root: &Path) -> Vec<PathBuf> {
    fs::read_dir(root.join("usr/lib"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .collect()
}

/// For each required need of `row`, how the names of the libraries and programs begin that meet it.
fn needed(row: &Row) -> Vec<Vec<String>> {
    let start = |item: &Item| match item {
        Item::Library(LibraryName::Stem(stem)) => Some(format!("lib{stem}.so.")),
        Item::Library(_) | Item::Program(_) => Some(item.name().to_string_lossy().into_owned()),
        // A plain root has none of them.
        Item::File(_) | Item::Module(_) => None,
    };
    let required = row.needs.iter().filter(|need| need.is_required);
    required
        .map(|need| need.items.iter().filter_map(start).collect())
        .collect()
}

/// What the program itself lists for all rows.
fn packages(root: &Path) -> Vec<String> {
    fs::copy(PROGRAM, root.join("usr/local/bin/find-libdeps")).expect("the program");
    let list = Run::new("chroot")
        .arg(root)
        .args(["find-libdeps", "--lookup", "/site", "/shared"])
        .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .must();
    list.lines().map(str::to_owned).collect()
}

/// apt-get in `root`. Nothing has to survive a loss of power there.
fn apt_get(root: &Path, arguments: &[&str]) -> Run {
    Run::new("chroot")
        .arg(root)
        .args(["apt-get", "--quiet", "-oDpkg::Options::=--force-unsafe-io"])
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive")
}

fn apt_install<'a>(root: &Path, packages: impl Iterator<Item = &'a str>) {
    apt_get(root, &["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .must();
}
