//! Where the tokens of targets may be sent. `meshctl.toml` names a server and where its token stands,
//! and it may come from somebody else's branch: so what it names is sent only where the user, outside
//! of the project, has said that it may go.
//!
//! ```toml
//! # ~/.config/meshctl/servers.toml
//! [servers."mesh.example:8443"]
//! variables = ["MESHCTL_TOKEN"]
//! ```
//!
//! `MESHCTL_TRUSTED_SERVERS` says the same: `mesh.example:8443=MESHCTL_TOKEN other.example`.

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

/// The servers that the user trusts, each with the variables whose values it may be sent.
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
}

/// Fails if the token of a target may not be sent to its server.
pub(super) fn check(root: &Path, url: &str, token: Option<&TokenSource>) -> Result<(), Failure> {
    // What is wrong with a URL is said where it is opened.
    let (Some(token), Ok(place)) = (token, Place::read(url)) else { return Ok(()) };
    let refused = match token {
        // That it is not set is said where it is read.
        TokenSource::Env(name) if env::var_os(name).is_none() => None,
        TokenSource::Env(name) => {
            let pairs = Trusted::read()?.pairs(&place, Some(name));
            (!pairs).then(|| {
                format!("the variable {name} is sent to no server that does not go with it")
            })
        }
        TokenSource::File(path) => {
            let far = !place.is_here() && is_within(root, path);
            let refused = far && !Trusted::read()?.pairs(&place, None);
            refused.then(|| {
                "a token file of the project itself is sent to this host or a trusted server only"
                    .to_owned()
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
        TokenSource::File(_) => (format!("[servers.\"{server}\"]"), format!("{VARIABLE}={server}")),
    };
    Err(Failure::new(Exit::Refused, format!("no token is sent to {server}: {why}")).hint(format!(
        "if it is to get the token, say so outside of the project: {table} in \
         ~/.config/meshctl/servers.toml, or {list}"
    )))
}

/// Whether a file lies in the project, itself or by the way that its path goes.
fn is_within(root: &Path, path: &Path) -> bool {
    let Ok(root) = root.canonicalize() else { return true };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().and_then(|folder| folder.canonicalize().ok());
    let real = path.canonicalize().unwrap_or_else(|_| absolute.clone());
    real.starts_with(&root) || folder.is_some_and(|folder| folder.starts_with(&root))
}

impl Trusted {
    fn read() -> Result<Self, Failure> {
        let mut trusted = match env::var_os("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Self::of(&PathBuf::from(home).join(".config/meshctl/servers.toml"))?,
            None => Self::default(),
        };
        let listed = env::var(VARIABLE).unwrap_or_default();
        for word in listed.split([' ', ',']).filter(|word| !word.is_empty()) {
            let (server, name) = match word.split_once('=') {
                Some((server, name)) => (server, Some(name)),
                None => (word, None),
            };
            let server = trusted.servers.entry(server.to_owned()).or_default();
            server.variables.extend(name.map(str::to_owned));
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

    /// Whether a server is trusted, with a variable if one is to be sent. A server without a port is
    /// trusted with all of its ports.
    fn pairs(&self, place: &Place, variable: Option<&str>) -> bool {
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
        self.servers.iter().any(|(known, server)| {
            named(known)
                && variable.is_none_or(|name| server.variables.iter().any(|known| known == name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_goes_with_the_variables_that_are_named_for_it() {
        let text = "[servers.\"mesh.example:8443\"]\nvariables = [\"A\"]\n[servers.\"::1\"]\n";
        let trusted: Trusted = toml::from_str(text).unwrap();
        let pairs = |url: &str, name| trusted.pairs(&Place::read(url).unwrap(), name);
        assert!(pairs("https://mesh.example:8443", Some("A")));
        assert!(pairs("https://MESH.example:8443", None));
        assert!(!pairs("https://mesh.example:8443", Some("B")));
        assert!(!pairs("https://mesh.example", Some("A")), "another port");
        assert!(!pairs("https://mesh.example.evil:8443", Some("A")));
        assert!(pairs("https://[::1]:7", None) && !pairs("https://[::1]:7", Some("A")));
        assert!(toml::from_str::<Trusted>("[servers.a]\nvariable = \"x\"\n").is_err());
    }
}
