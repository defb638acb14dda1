//! What one peer may ask of the server: every limit with its default, its name in `serve --limit`, and
//! what it means. The defaults are those of the design's table of limits.

use crate::model;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fmt::Write as _;
use std::time::Duration;

/// Files that stay free for the store, the operators and whatever else opens some, however many
/// proxies connect.
const FILES_KEPT: u64 = 64;

/// A bound on an amount: bytes where its name says so, else a number of things.
trait Amount: Sized {
    /// Reads it as an operator writes it.
    fn read(name: &str, text: &str) -> Result<Self, String>;
    /// Writes it so that it can be read again.
    fn write(&self, name: &str) -> String;
}

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

fn is_bytes(name: &str) -> bool {
    name.ends_with("bytes")
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    let unit = UNITS.iter().filter(|_| is_bytes(name));
    let mut unit =
        unit.filter_map(|(unit, each)| Some((text.strip_suffix(*unit)?.trim_end(), *each)));
    let (digits, each) = unit.next().unwrap_or((text, 1));
    let form =
        if is_bytes(name) { "a number of bytes, such as 65536, 64KiB, 16MiB" } else { "a number" };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(each));
    number.ok_or_else(|| format!("{name} is {form}"))
}

fn written(name: &str, number: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, each)| is_bytes(name) && number >= *each && number.is_multiple_of(*each));
    unit.map_or_else(|| number.to_string(), |(unit, each)| format!("{}{unit}", number / each))
}

/// A number that is not 0: nothing could be done at all.
fn positive(name: &str, number: u64) -> Result<u64, String> {
    (number > 0).then_some(number).ok_or_else(|| format!("{name} cannot be 0"))
}

impl Amount for usize {
    fn read(name: &str, text: &str) -> Result<Self, String> {
        let number = number(name, text).and_then(|number| positive(name, number))?;
        Self::try_from(number).map_err(|_| format!("{name} is too large"))
    }

    fn write(&self, name: &str) -> String {
        written(name, u64::try_from(*self).unwrap_or(u64::MAX))
    }
}

impl Amount for u32 {
    fn read(name: &str, text: &str) -> Result<Self, String> {
        let number = number(name, text)?;
        // A rate of 0 is none.
        let number = if name.ends_with("per-second") { number } else { positive(name, number)? };
        Self::try_from(number).map_err(|_| format!("{name} is too large"))
    }

    fn write(&self, name: &str) -> String {
        written(name, u64::from(*self))
    }
}

impl Amount for Option<usize> {
    fn read(name: &str, text: &str) -> Result<Self, String> {
        let number = number(name, text)?;
        let number = usize::try_from(number).map_err(|_| format!("{name} is too large"))?;
        Ok(Some(number).filter(|number| *number > 0))
    }

    fn write(&self, name: &str) -> String {
        self.unwrap_or_default().write(name)
    }
}

impl Amount for Duration {
    fn read(name: &str, text: &str) -> Result<Self, String> {
        let wrong = || format!("{name} is a time such as 500ms, 30s, 5m");
        let millis = model::Duration::parse(text).ok().map(model::Duration::millis);
        // A day is longer than any of them needs, and no clock overflows.
        let millis = millis.filter(|millis| *millis <= 86_400_000).ok_or_else(wrong)?;
        Ok(Self::from_millis(positive(name, millis)?))
    }

    fn write(&self, _name: &str) -> String {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        model::Duration::from_millis(millis).to_string()
    }
}

/// One limit, as operators set it.
#[derive(Clone, Copy)]
pub struct Setting {
    field: &'static str,
    what: &'static str,
    set: fn(&mut Limits, &str, &str) -> Result<(), String>,
    get: fn(&Limits, &str) -> String,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

macro_rules! limits {
    ($($(#[doc = $what:literal])+ $field:ident: $kind:ty = $default:expr;)+) => {
        /// Bounds on what peers may do. Every one is checked before the work that it bounds.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $what])+ pub $field: $kind,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// Every limit.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            field: stringify!($field),
            what: concat!($($what),+),
            set: |limits, name, text| {
                limits.$field = <$kind as Amount>::read(name, text)?;
                Ok(())
            },
            get: |limits, name| Amount::write(&limits.$field, name),
        },)+];
    };
}

limits! {
    /// Bytes of an xDS request that says nothing of what its client has
    request_bytes: usize = 4 << 20;
    /// Bytes of an xDS request that says what its client has of an earlier stream
    resume_bytes: usize = 16 << 20;
    /// Bytes of an xDS request beside its names: the node, the reason of a refusal
    rest_bytes: usize = 1 << 20;
    /// How long an xDS request may take to arrive, or to find room among those of its identity
    request_time: Duration = Duration::from_secs(30);
    /// Bytes of the xDS requests of one identity that are on their way, over all of its streams, each
    /// by the length that it says; more wait
    identity_request_bytes: usize = 32 << 20;
    /// Bytes of names and other texts of its client that an xDS stream keeps; each counts 64 bytes
    /// beside its text
    stream_bytes: usize = 16 << 20;
    /// The same over all xDS streams of one identity
    identity_bytes: usize = 64 << 20;
    /// Names of one type that an xDS stream may ask for, and may say that it has
    names: usize = 50_000;
    /// Bytes of such a name, of a type, of a node id
    name_bytes: usize = 512;
    /// Types that an xDS stream may ask for
    types: usize = 16;
    /// Requests of an xDS stream that are read a second over time, ten seconds' worth at once; more
    /// wait; 0 is no limit
    requests_per_second: u32 = 200;
    /// Bytes of all headers of a request, at both addresses
    header_bytes: u32 = 16 << 10;
    /// Connections of clients that have shown a credential, at both addresses together; fewer where
    /// the system gives fewer files
    connections: usize = 100_000;
    /// Of these, connections to xDS that have shown the token of an operator
    token_connections: usize = 16;
    /// Connections of clients that have shown no credential yet, at both addresses together, counted
    /// before the TLS handshake; no more than an eighth of the files
    strangers: usize = 2_048;
    /// Of these, connections from one address (a /64 of IPv6); no more than half of all
    strangers_per_address: usize = 1_024;
    /// xDS streams of one connection; more wait
    streams_per_connection: u32 = 16;
    /// xDS streams of one identity; 0 is no limit, because instances of a node may share one
    streams_per_identity: Option<usize> = None;
    /// xDS streams in all
    streams: usize = 100_000;
    /// New xDS streams a second over time; 0 is no limit
    new_streams_per_second: u32 = 1_000;
    /// New xDS streams at once: all proxies of a large mesh that lost their server
    new_streams_burst: u32 = 10_000;
    /// How long a TLS handshake may take
    handshake: Duration = Duration::from_secs(10);
    /// How long an xDS stream may take until its first request, a connection of a proxy until its first
    /// stream, and a connection of a stranger to the admin API until its next request
    first_request: Duration = Duration::from_secs(10);
    /// How long a client without a certificate may take until its first request with an operator's
    /// token, at xDS
    first_token: Duration = Duration::from_secs(5);
    /// How long the headers of a request to the admin API may take; over HTTP/1.1 also how long a
    /// connection may be without a request
    headers: Duration = Duration::from_secs(10);
    /// How long a connection of an operator to the admin API may be without a request, over HTTP/2
    idle: Duration = Duration::from_secs(300);
    /// How long a client may leave what it is sent unread
    unread: Duration = Duration::from_secs(30);
    /// After which silence a connection is asked whether it lives
    keepalive_interval: Duration = Duration::from_secs(30);
    /// How long it may take to answer that
    keepalive_timeout: Duration = Duration::from_secs(10);
    /// How often it is asked again who the peer of a stream is
    recheck: Duration = Duration::from_secs(300);
    /// Bytes of resources after which an xDS response ends, unless it must be whole or is one resource
    chunk_bytes: usize = 64 << 10;
    /// xDS responses of one type that may be unanswered
    flights: usize = 256;
    /// Bytes of a body of the admin API
    body_bytes: usize = 16 << 20;
    /// Bytes of the bodies of one operator that are received or worked on
    caller_body_bytes: usize = 32 << 20;
    /// Bytes of the bodies of all operators that are received or worked on
    all_body_bytes: usize = 128 << 20;
    /// How long a body of the admin API may take to arrive
    body_time: Duration = Duration::from_secs(30);
    /// Failed credentials at the admin API and at xDS from one address (a /64 of IPv6) that are
    /// answered with their reason a second over time, ten seconds' worth at once; more are answered
    /// with 429 and closed; valid credentials are not counted; 0 is no limit
    failures_per_second: u32 = 100;
    /// The same for requests of one operator that its role or scope does not permit; 0 is no limit
    denials_per_second: u32 = 100;
}

impl Setting {
    /// Its name: `name-bytes`.
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// What it bounds, as one line.
    pub fn what(&self) -> &'static str {
        self.what.trim()
    }

    /// Its value, as it is read.
    pub fn value(&self, limits: &Limits) -> String {
        (self.get)(limits, &self.name())
    }
}

impl Limits {
    /// Sets one: `name-bytes=256`.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| "it has the form NAME=VALUE".to_owned())?;
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name() == name) else {
            let names: Vec<String> = SETTINGS.iter().map(Setting::name).collect();
            return Err(format!("there is no limit {name}; there are {}", names.join(", ")));
        };
        (setting.set)(self, name, value)
    }

    /// All limits with their defaults, for the help of the command line.
    pub fn help() -> String {
        let limits = Self::default();
        let mut text = String::new();
        for setting in SETTINGS {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\n\n{}={}: {}",
                setting.name(),
                setting.value(&limits),
                setting.what()
            );
        }
        text
    }

    /// These, as far as this process has files for them. It may open as many as the system lets it
    /// from then on: shells often give a program 1,024, and every proxy needs one.
    pub fn of_process(&self) -> Self {
        let mut files = getrlimit(Resource::Nofile);
        files.current = files.maximum;
        // If that is refused, it has as many as before.
        let _ = setrlimit(Resource::Nofile, files);
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let left = files.saturating_sub(FILES_KEPT).max(files / 2);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let strangers = self.strangers.min(left / 8).max(1);
        let strangers_per_address = self.strangers_per_address.min(strangers.div_ceil(2));
        let connections = self.connections.min(left - strangers);
        Self { connections, strangers, strangers_per_address, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_set_by_name_and_read_as_it_is_written() {
        let defaults = Limits::default();
        for setting in SETTINGS {
            let mut limits = defaults.clone();
            let text = format!("{}={}", setting.name(), setting.value(&defaults));
            assert_eq!(limits.set(&text), Ok(()), "{text}");
            assert_eq!(limits, defaults, "{text}");
            let other = if setting.value(&defaults).ends_with(['s', 'm']) { "7s" } else { "7" };
            assert_eq!(limits.set(&format!("{}={other}", setting.name())), Ok(()));
            assert_ne!(limits, defaults, "{setting:?}");
            assert!(setting.what().len() > 15, "{setting:?} is not described");
            for wrong in ["", "-1", "x", "7 s", "1TiB", "99999999999999999999", "7d"] {
                assert!(limits.set(&format!("{}={wrong}", setting.name())).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn limits_have_units_and_only_those_that_say_so_can_be_0() {
        let set = |text: &str| {
            let mut limits = Limits::default();
            limits.set(text).map(|()| limits)
        };
        assert_eq!(set("stream-bytes=3MiB").map(|limits| limits.stream_bytes), Ok(3 << 20));
        assert_eq!(set("stream-bytes=1000").map(|limits| limits.stream_bytes), Ok(1_000));
        assert!(set("names=3MiB").is_err() && set("handshake=3").is_err());
        assert_eq!(
            set("handshake=1500ms").map(|limits| limits.handshake),
            Ok(Duration::from_millis(1_500))
        );
        for setting in SETTINGS {
            let zero = if setting.value(&Limits::default()).ends_with('s') { "0s" } else { "0" };
            let may = setting.what().contains("0 is no limit");
            assert_eq!(set(&format!("{}={zero}", setting.name())).is_ok(), may, "{setting:?}");
        }
        let unknown = set("name=1").expect_err("no such limit");
        assert!(unknown.contains("names, name-bytes"), "{unknown}");
    }
}
