//! What a running Envoy has: its admin interface, read only.
//!
//! Arrival is proven by statistics: each subscription of an Envoy has the version of the last
//! update that it took, and counts those that it refused. Only `drift` asks for the configuration
//! itself ([`Admin::running`]), of which nothing is kept but names and hashes.

mod stats;

pub use stats::{Seen, Subject, Subscription};

use super::ProxyFiles;
use crate::envoy::{self, PARTS, ResourceType, Running};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long it may take to write down a part of the configuration.
const DUMP_TIMEOUT: Duration = Duration::from_secs(30);

/// The statistics that matter, as a regular expression in a query:
/// `(version_text|update_rejected|update_failure|warming_clusters|total_listeners_warming)$`.
const STATS: &str = "/stats?filter=%28version_text%7Cupdate_rejected%7Cupdate_failure%7C\
                     warming_clusters%7Ctotal_listeners_warming%29%24";

/// What an Envoy answers where nothing of it has a part of a dump.
const EMPTY_PART: &str = "not found in config dump";

/// The listeners that Envoy could not take, without their content.
const ERRORS: &str = "/config_dump?resource=dynamic_listeners&mask=name,error_state.details";

/// An Envoy's admin interface.
#[derive(Clone, Debug)]
pub struct Admin {
    client: reqwest::Client,
    base: String,
}

/// Why an Envoy did not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Nothing listens there: it is not running, and will read the files when it starts.
    Gone,
    /// Something is there, but did not answer as an Envoy does.
    NoAnswer,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "not running",
            Self::NoAnswer => "no answer",
        })
    }
}

/// The largest answer that is read: a dump of an Envoy that knows 10,000 services has a tenth of it.
const ANSWER_MAX: usize = 512 << 20;

impl Admin {
    /// An admin interface at `http://HOST:PORT` or `unix:///PATH`. The error says what is wrong
    /// with the address.
    pub fn new(address: &str) -> Result<Self, String> {
        let builder = super::http::builder();
        let (builder, base) = match address.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => {
                (builder.unix_socket(path), "http://localhost".to_owned())
            }
            None if address.starts_with("http://") => {
                (builder, address.trim_end_matches('/').to_owned())
            }
            _ => {
                return Err(format!(
                    "`{address}` is no admin address: it has the form http://127.0.0.1:9901 or \
                     unix:///run/envoy.sock"
                ));
            }
        };
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { client, base })
    }

    async fn get(&self, path: &str, within: Duration) -> Result<String, Silence> {
        let (status, text) = self.ask(path, within).await?;
        match status.is_success() {
            true => Ok(text),
            false => Err(Silence::NoAnswer),
        }
    }

    async fn ask(&self, path: &str, within: Duration) -> Result<(StatusCode, String), Silence> {
        let answer = self.client.get(format!("{}{path}", self.base)).timeout(within).send().await;
        let answer = answer.map_err(|error| match error.is_connect() {
            true => Silence::Gone,
            false => Silence::NoAnswer,
        })?;
        let status = answer.status();
        let body = super::http::body(answer, ANSWER_MAX).await.map_err(|_| Silence::NoAnswer)?;
        let body = body.ok_or(Silence::NoAnswer)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// What it has taken and refused.
    pub async fn seen(&self) -> Result<Seen, Silence> {
        Ok(Seen::parse(&self.get(STATS, TIMEOUT).await?))
    }

    /// What it really runs, by its own config dump.
    ///
    /// # Errors
    /// It does not answer, or not as an Envoy does.
    pub async fn running(&self) -> Result<Running, Silence> {
        let mut running = Running::default();
        for part in &PARTS {
            let answer = self.dump(part.query).await?;
            running.add(part, &answer);
        }
        Ok(running)
    }

    /// A part of its config dump. Of a part that nothing in it uses, such as the routes of a proxy
    /// that only has TCP, an Envoy answers 404 with these words: that part is empty.
    async fn dump(&self, query: &str) -> Result<Value, Silence> {
        let path = format!("/config_dump?{query}");
        let (status, text) = self.ask(&path, DUMP_TIMEOUT).await?;
        let empty = status == StatusCode::NOT_FOUND && text.contains(EMPTY_PART);
        match empty {
            true => Ok(Value::Null),
            false if !status.is_success() => Err(Silence::NoAnswer),
            false => serde_json::from_str(&text).map_err(|_| Silence::NoAnswer),
        }
    }

    /// Why it refused listeners, by their names. Of other kinds Envoy tells only its own log.
    pub async fn reasons(&self) -> BTreeMap<String, String> {
        // After some refusals the answer is plain text with status 200; then nothing is known.
        let text = self.get(ERRORS, TIMEOUT).await.unwrap_or_default();
        let dump: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut found = BTreeMap::new();
        for listener in dump["configs"].as_array().into_iter().flatten() {
            if let (Some(name), Some(details)) =
                (listener["name"].as_str(), listener["error_state"]["details"].as_str())
            {
                found.insert(name.to_owned(), last_line(details));
            }
        }
        found
    }
}

/// The last line of what Envoy says: the lines before are the resource itself, secrets and all.
fn last_line(text: &str) -> String {
    let line = text.trim_end().lines().next_back().unwrap_or_default();
    line.trim_start_matches([':', ' ', '}']).to_owned()
}

/// The versions that a proxy has when it has taken these files.
pub type Expected = BTreeMap<Subject, String>;

/// What a proxy must report for these files. A file that its listeners and clusters do not name is not
/// read, so nothing is expected of it.
pub fn expected(files: &ProxyFiles) -> Expected {
    let asked = envoy::asked_files(files);
    let mut found = Expected::new();
    for (path, content) in files {
        let version = content
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("version_info: \""))
            .and_then(|line| line.strip_suffix('"'));
        if let (Some(subject), Some(version)) = (subject(path), version)
            && (envoy::is_asked_whole(subject.0) || asked.contains(&subject))
        {
            found.insert(subject, version.to_owned());
        }
    }
    found
}

/// What a file is about.
fn subject(path: &str) -> Option<Subject> {
    let path = path.strip_suffix(".yaml")?;
    let (folder, name) = path.split_once('/').unwrap_or((path, ""));
    let kind = ResourceType::ALL.into_iter().find(|kind| kind.as_str() == folder)?;
    Some((kind, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_http_or_unix() {
        assert!(Admin::new("http://127.0.0.1:9901").is_ok());
        assert!(Admin::new("unix:///run/envoy.sock").is_ok());
        for bad in ["127.0.0.1:9901", "https://x", "unix://relative", ""] {
            assert!(Admin::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reasons_never_show_the_resource() {
        let text = "goo.gle/debugstr\nname: \"x\"\nsecret: \"hunter2\"\n}\n: Proto constraint \
                    validation failed (ListenerValidationError.Address: value is required)";
        assert_eq!(
            last_line(text),
            "Proto constraint validation failed (ListenerValidationError.Address: value is required)"
        );
    }

    #[test]
    fn files_tell_which_versions_to_expect() {
        let files = ProxyFiles::from([
            (
                "lds.yaml".to_owned(),
                "version_info: \"a1\"\n  path: \"/r/rds/rds_egress_cart.shop_80.yaml\"\n"
                    .to_owned(),
            ),
            ("eds/not_asked_for.yaml".to_owned(), "version_info: \"d4\"\n".to_owned()),
            ("rds/rds_egress_cart.shop_80.yaml".to_owned(), "version_info: \"b2\"\n".to_owned()),
            ("other.txt".to_owned(), "version_info: \"c3\"\n".to_owned()),
        ]);
        let found = expected(&files);
        assert_eq!(found.len(), 2);
        assert_eq!(found[&(ResourceType::Listener, String::new())], "a1");
        let routes = (ResourceType::RouteConfiguration, "rds_egress_cart.shop_80".to_owned());
        assert_eq!(found[&routes], "b2");
    }
}
