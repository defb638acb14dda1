//! Where the tokens of targets may be sent. `meshctl.toml` names a server and where its token stands,
//! and it may come from somebody else's branch: so what it names is sent only where the user, outside
//! of the project, has said that it may go.
//!
//! ```toml
//! # ~/.config/meshctl/servers.toml
//! [servers."mesh.example:8443"]
//! variables = ["MESHCTL_TOKEN"]
//! files = ["/run/secrets/mesh.token"]
//! ```
//!
//! `MESHCTL_TRUSTED_SERVERS` says the same: `mesh.example:8443=MESHCTL_TOKEN
//! mesh.example:8443=/run/secrets/mesh.token`.

use super::{Exit, Failure};
use crate::live::server::{Place, TokenSource};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The variable that lists servers.
const VARIABLE: &str = "MESHCTL_TRUSTED_SERVERS";

/// The servers that the user trusts, each with the variables and files whose contents it may be sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trusted {
    #[serde(default)]
    servers: BTreeMap<String, Server>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    #[serde(default)]
    variables: Vec<String>,
    /// Absolute, or `~/…`.
    #[serde(default)]
    files: Vec<PathBuf>,
}

/// Fails if a join token may not be sent to a server that `meshctl.toml` names. Its variable is
/// meshctl's own, so this host may have it.
pub(super) fn check_join(url: &str, token: &TokenSource) -> Result<(), Failure> {
    match Place::read(url) {
        Ok(place) if place.is_here() => Ok(()),
        _ => check(url, Some(token)),
    }
}

/// Fails if the token of a target may not be sent to its server.
pub(super) fn check(url: &str, token: Option<&TokenSource>) -> Result<(), Failure> {
    // What is wrong with a URL is said where it is opened.
    let (Some(token), Ok(place)) = (token, Place::read(url)) else { return Ok(()) };
    let refused = match token {
        // That it is not set is said where it is read.
        TokenSource::Env(name) if env::var_os(name).is_none_or(|value| value.is_empty()) => None,
        TokenSource::Env(name) => {
            let pairs = Trusted::read()?.has(&place, |server| server.variables.contains(name));
            (!pairs).then(|| {
                format!("the variable {name} is sent to no server that does not go with it")
            })
        }
        TokenSource::File(path) => {
            // This host has it already.
            let pairs = place.is_here()
                || Trusted::read()?.has(&place, |server| server.has_file(&real(path)));
            (!pairs).then(|| {
                format!("the file {} is sent to no server that does not go with it", path.display())
            })
        }
    };
    let Some(why) = refused else { return Ok(()) };
    let server = format!("{}:{}", place.host, place.port);
    let (table, list) = match token {
        TokenSource::Env(name) => (
            format!("[servers.\"{server}\"] variables = [\"{name}\"]"),
            format!("{VARIABLE}={server}={name}"),
        ),
        TokenSource::File(path) => {
            let path = real(path);
            let path = path.display();
            (
                format!("[servers.\"{server}\"] files = [\"{path}\"]"),
                format!("{VARIABLE}={server}={path}"),
            )
        }
    };
    Err(Failure::new(Exit::Refused, format!("no token is sent to {server}: {why}")).hint(format!(
        "if it is to get the token, say so outside of the project: {table} in \
         ~/.config/meshctl/servers.toml, or {list}"
    )))
}

/// The file that a path leads to, with all links resolved.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

impl Server {
    /// Whether it may be sent what is in a file, which is its real path.
    fn has_file(&self, path: &Path) -> bool {
        self.files.iter().any(|file| match (file.strip_prefix("~"), home()) {
            (Ok(rest), Some(home)) => real(&home.join(rest)) == path,
            (Ok(_), None) => false,
            // A relative path would be another one in each folder.
            (Err(_), _) => file.is_absolute() && real(file) == path,
        })
    }
}

impl Trusted {
    fn read() -> Result<Self, Failure> {
        let mut trusted = match home() {
            Some(home) => Self::of(&home.join(".config/meshctl/servers.toml"))?,
            None => Self::default(),
        };
        let listed = env::var(VARIABLE).unwrap_or_default();
        for word in listed.split([' ', ',']).filter(|word| !word.is_empty()) {
            let (server, name) = match word.split_once('=') {
                Some((server, name)) => (server, Some(name)),
                None => (word, None),
            };
            let server = trusted.servers.entry(server.to_owned()).or_default();
            match name {
                Some(path) if path.contains('/') => server.files.push(path.into()),
                Some(name) => server.variables.push(name.to_owned()),
                None => {}
            }
        }
        Ok(trusted)
    }

    fn of(path: &Path) -> Result<Self, Failure> {
        let failed = |why: String| {
            Failure::new(Exit::Failed, format!("cannot use {}", path.display())).cause(why)
        };
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| failed(error.message().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Whether a server is paired with something. A server without a port is all of its ports.
    fn has(&self, place: &Place, pairs: impl Fn(&Server) -> bool) -> bool {
        let host = match place.host.contains(':') {
            true => format!("[{}]", place.host),
            false => place.host.clone(),
        };
        let with_port = format!("{host}:{}", place.port);
        let named = |known: &str| {
            [with_port.as_str(), host.as_str(), place.host.as_str()]
                .iter()
                .any(|name| known.eq_ignore_ascii_case(name))
        };
        self.servers.iter().any(|(known, server)| named(known) && pairs(server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_goes_with_the_variables_and_files_that_are_named_for_it() {
        let text = "[servers.\"mesh.example:8443\"]\nvariables = [\"A\"]\nfiles = [\"/no/a\"]\n\
                    [servers.\"::1\"]\nvariables = [\"C\"]\nfiles = [\"no/b\"]\n";
        let trusted: Trusted = toml::from_str(text).unwrap();
        let pairs = |url: &str, name: &str| {
            let has = |server: &Server| server.variables.iter().any(|known| known == name);
            trusted.has(&Place::read(url).unwrap(), has)
        };
        assert!(pairs("https://mesh.example:8443", "A"));
        assert!(pairs("https://MESH.example:8443", "A"));
        assert!(!pairs("https://mesh.example:8443", "B"));
        assert!(!pairs("https://mesh.example", "A"), "another port");
        assert!(!pairs("https://mesh.example.evil:8443", "A"));
        assert!(pairs("https://[::1]:7", "C") && !pairs("https://[::1]:7", "A"));
        let file = |url: &str, path: &str| {
            trusted.has(&Place::read(url).unwrap(), |server| server.has_file(Path::new(path)))
        };
        assert!(file("https://mesh.example:8443", "/no/a"));
        assert!(!file("https://mesh.example:8443", "/no/b") && !file("https://[::1]:7", "/no/a"));
        let here = env::current_dir().unwrap().join("no/b");
        assert!(!file("https://[::1]:7", here.to_str().unwrap()), "a relative path names no file");
        assert!(toml::from_str::<Trusted>("[servers.a]\nvariable = \"x\"\n").is_err());
    }
}
