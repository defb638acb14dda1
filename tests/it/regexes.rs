//! Regular expressions: what `check` accepts, Envoy accepts, and what it rejects, Envoy rejects;
//! and both take the same texts. By expressions of chance, thousands of them in one Envoy.
//!
//! `MESHCTL_REGEXES` asks for more, `MESHCTL_REGEX_SEED` for another start.

use crate::support::compare::Tally;
use crate::support::mesh::Block;
use crate::support::project::Project;
use crate::support::proxies::{Proxy, spawn, start_all, start_applied};
use crate::support::random_mesh::Chance;
use crate::support::random_regex as random;
use crate::support::random_routes as routes;
use crate::support::tier::number;
use meshctl::dev::client;
use meshctl::envoy::defaults::RE2_MAX_PROGRAM_SIZE;
use meshctl::model::{Address, Matcher, PathMatch, Pattern};
use meshctl::traffic::re2::{self, Regex};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Expressions of a run that is not told otherwise.
const EXPRESSIONS: u64 = 3_000;
const LIMIT: u64 = RE2_MAX_PROGRAM_SIZE as u64;
/// The length in bytes beyond which `check` rejects an expression (MC1211).
const LENGTH: usize = 1_024;

/// An Envoy that has been given listeners, and is asked about them.
struct Envoy {
    running: Proxy,
    socket: PathBuf,
}

/// A listener whose routes are these.
fn listener(
    name: &str,
    at: SocketAddr,
    bound: bool,
    hosts: &serde_json::Value,
) -> serde_json::Value {
    let (address, port) = (at.ip().to_string(), at.port());
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.\
                   HttpConnectionManager";
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "bind_to_port": bound,
        "address": { "socket_address": { "address": address, "port_value": port } },
        "filter_chains": [{ "filters": [{ "name": "http", "typed_config": {
            "@type": manager,
            "stat_prefix": "regexes",
            "route_config": { "virtual_hosts": hosts },
            "http_filters": [{ "name": "router", "typed_config": { "@type": router } }],
        } }] }],
    })
}

impl Envoy {
    fn start(listeners: &[serde_json::Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let all = json!({ "version_info": "1", "resources": listeners });
        fs::write(at("lds.json"), all.to_string()).unwrap();
        let boot = json!({
            "node": { "id": "regexes", "cluster": "regexes" },
            "admin": { "address": { "pipe": { "path": at("admin.sock") } } },
            "dynamic_resources": {
                "lds_config": { "path_config_source": { "path": at("lds.json") } },
            },
            "layered_runtime": { "layers": [{ "name": "static", "static_layer": {
                "re2.max_program_size.error_level": LIMIT,
                "re2.max_program_size.warn_level": 0,
            } }] },
        });
        fs::write(at("boot.json"), boot.to_string()).unwrap();
        let (socket, boot) = (at("admin.sock"), at("boot.json"));
        let envoy = Self { running: spawn(&boot, folder, &[], None), socket };
        let deadline = Instant::now() + Duration::from_secs(120);
        let taken = |text: &str| text.lines().any(|line| !line.ends_with(": 0"));
        while !envoy
            .admin("/stats?filter=listener_manager.lds.update_(success|rejected)")
            .is_some_and(|text| taken(&text))
        {
            assert!(Instant::now() < deadline, "Envoy has not read its listeners");
            std::thread::sleep(Duration::from_millis(20));
        }
        envoy
    }

    fn admin(&self, path: &str) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = client::admin(&self.socket, "GET", path, Duration::from_secs(60));
        let answer = runtime.block_on(asked).ok()?;
        (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Why it rejected listeners, by their names.
    fn rejected(&self) -> BTreeMap<String, String> {
        let dump = self.admin("/config_dump?resource=dynamic_listeners").unwrap();
        let dump: serde_json::Value = serde_json::from_str(&dump).unwrap();
        let mut found = BTreeMap::new();
        for state in dump["configs"].as_array().unwrap() {
            let error = &state["error_state"];
            if let Some(why) = error["details"].as_str() {
                let name = state["name"].as_str();
                let name = name.or(error["failed_configuration"]["name"].as_str()).unwrap();
                found.insert(name.to_owned(), why.to_owned());
            }
        }
        found
    }

    /// The lengths of programs that it has spoken of, by expression.
    fn sizes(&self) -> BTreeMap<String, u64> {
        let log = self.running.log();
        let mut sizes = BTreeMap::new();
        for part in log.split("regex '").skip(1) {
            let Some((regex, rest)) = part.split_once("' RE2 program size of ") else { continue };
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            sizes.insert(regex.to_owned(), digits.parse().unwrap());
        }
        sizes
    }
}

/// What `check` says of an expression: `limits::check` asks the same.
fn accepted(regex: &str) -> Result<u64, String> {
    if regex.len() > LENGTH {
        return Err("it is too long".to_owned());
    }
    let size = re2::program_size(regex)?;
    if size > LIMIT { Err(format!("its program has {size} instructions")) } else { Ok(size) }
}

/// Why `check` rejects an expression that Envoy accepts, in classes that are known.
fn known_class(regex: &str, why: &str) -> Option<&'static str> {
    let name = |start: &str| {
        regex.match_indices(start).any(|(at, _)| {
            let name = regex[at + start.len()..].split('>').next().unwrap_or_default();
            !name.is_ascii()
        })
    };
    match why {
        "it is too long" => Some("longer than 1,024 bytes (MC1211)"),
        "its groups are nested too deeply" => Some("groups nested deeper than 500"),
        _ if why.starts_with("its program has") => {
            Some("a program that may have more than 1,000 instructions (MC1202)")
        }
        _ if why.contains("with other characters") && (name("(?P<") || name("(?<")) => {
            Some("a name of a group beyond ASCII")
        }
        _ => None,
    }
}

#[test]
fn what_check_accepts_envoy_accepts_and_what_it_rejects_envoy_rejects() {
    let count = number("MESHCTL_REGEXES", EXPRESSIONS);
    let mut c = Chance::new(number("MESHCTL_REGEX_SEED", 1));
    let mut all: BTreeSet<String> = BTreeSet::new();
    while (all.len() as u64) < count {
        all.insert(match c.below(8) {
            0..=2 => random::whole(&mut c).regex,
            3..=5 => random::broken(&mut c),
            _ => random::long(&mut c, LIMIT, |text| re2::program_size(text).ok()),
        });
    }
    all.extend(["(".repeat(505) + &")".repeat(505), "a".repeat(1_025), String::new()]);
    let all: Vec<String> = all.into_iter().collect();
    let mut wrong = Vec::new();
    let (mut both, mut neither) = (0, 0);
    let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut off: BTreeMap<i64, u64> = BTreeMap::new();
    for batch in all.chunks(3_000) {
        let listeners = batch.iter().enumerate().map(|(at, regex)| {
            let route = json!({
                "match": { "safe_regex": { "regex": regex } },
                "direct_response": { "status": 200 },
            });
            let host = json!([{ "name": "all", "domains": ["*"], "routes": [route] }]);
            let port = 10_000 + at as u16;
            listener(&at.to_string(), (Ipv4Addr::LOCALHOST, port).into(), false, &host)
        });
        let envoy = Envoy::start(&listeners.collect::<Vec<_>>());
        let (rejected, sizes) = (envoy.rejected(), envoy.sizes());
        for (at, regex) in batch.iter().enumerate() {
            let told = accepted(regex);
            if let (Some(real), Ok(size)) = (sizes.get(regex), re2::program_size(regex)) {
                *off.entry(size as i64 - *real as i64).or_default() += 1;
                if size < *real {
                    wrong.push(format!("{regex:?}: counted {size}, Envoy counts {real}"));
                }
            }
            match (told, rejected.get(&at.to_string())) {
                (Ok(_), None) => both += 1,
                (Err(_), Some(_)) => neither += 1,
                (Ok(size), Some(why)) => {
                    wrong.push(format!("{regex:?} of {size} is accepted, Envoy says {why:?}"));
                }
                (Err(why), None) => match known_class(regex, &why) {
                    Some(class) => *classes.entry(class).or_default() += 1,
                    None => wrong.push(format!("{regex:?} is rejected ({why}), not by Envoy")),
                },
            }
        }
    }
    println!("{both} accepted by both, {neither} rejected by both");
    for (class, times) in &classes {
        println!("{times} rejected by check, accepted by Envoy: {class}");
    }
    println!("counted instructions beyond Envoy's, and how often: {off:?}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
    // Both directions are tried, or nothing is shown.
    assert!(both * 4 > count && neither * 8 > count, "{both} accepted, {neither} rejected");
}

/// Reads the status of one answer.
fn status(reader: &mut impl BufRead) -> u16 {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim_end().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
    status.unwrap_or_else(|| panic!("no status in {line:?}"))
}

#[test]
fn texts_are_taken_as_envoy_takes_them() {
    let count = number("MESHCTL_REGEXES", EXPRESSIONS) / 2;
    let mut c = Chance::new(number("MESHCTL_REGEX_SEED", 1) ^ 0x7E87);
    let mut samples = Vec::new();
    while (samples.len() as u64) < count {
        let sample = random::whole(&mut c);
        if accepted(&sample.regex).is_ok() {
            samples.push(sample);
        }
    }
    let hosts: Vec<serde_json::Value> = samples
        .iter()
        .enumerate()
        .map(|(at, sample)| {
            let matcher = json!({ "safe_regex": { "regex": sample.regex } });
            let routes = json!([
                {
                    "match": {
                        "prefix": "/",
                        "headers": [{ "name": "x-text", "string_match": matcher }],
                    },
                    "direct_response": { "status": 200 },
                },
            ]);
            json!({ "name": format!("h{at}"), "domains": [format!("h{at}")], "routes": routes })
        })
        .collect();
    let block = Block::take();
    let at = SocketAddr::from(([127, block.second(), 2, 1], 7_000));
    let envoy = Envoy::start(&[listener("one", at, true, &json!(hosts))]);
    assert!(envoy.rejected().is_empty(), "{:?}", envoy.rejected());
    let stream = TcpStream::connect(at).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    let (mut wrong, mut taken, mut left) = (Vec::new(), 0, 0);
    for (at, sample) in samples.iter().enumerate() {
        let regex = Regex::new(&sample.regex).unwrap();
        for text in &sample.texts {
            let start = format!("GET / HTTP/1.1\r\nHost: h{at}\r\nx-text: ");
            let message = [start.as_bytes(), text, b"\r\n\r\n"].concat();
            writer.write_all(&message).unwrap();
            let envoy_takes = match status(&mut reader) {
                200 => true,
                404 => false,
                other => panic!("{other} for {:?}", String::from_utf8_lossy(text)),
            };
            *(if envoy_takes { &mut taken } else { &mut left }) += 1;
            if regex.takes(text) != envoy_takes {
                let text = text.escape_ascii();
                wrong.push(format!("{:?} takes {text}: Envoy says {envoy_takes}", sample.regex));
            }
        }
    }
    println!("{taken} texts taken, {left} not, by {} expressions", samples.len());
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
    assert!(taken > count && left > count, "{taken} taken, {left} not");
}

/// An expression for a route: most are whole.
fn any(c: &mut Chance) -> String {
    match c.below(12) {
        0 => random::broken(c),
        1 => random::long(c, LIMIT, |text| re2::program_size(text).ok()),
        _ => random::whole(c).regex,
    }
}

/// Puts expressions into conditions; whether `check` should accept them all.
fn conditions(c: &mut Chance, all: &mut BTreeMap<String, Vec<Matcher>>) -> bool {
    let mut fine = true;
    for matcher in all.values_mut().flatten() {
        if !c.once_in(3) {
            continue;
        }
        let regex = any(c);
        fine &= accepted(&regex).is_ok();
        matcher.pattern = Pattern::Regex(regex);
        matcher.invert = false;
    }
    fine
}

fn path(c: &mut Chance, path: &mut Option<PathMatch>) -> bool {
    let Some(PathMatch::Regex(own)) = path else { return true };
    if !c.once_in(2) {
        return true;
    }
    let start = c.pick(&["/", "/", "/", ".*", ""]);
    *own = format!("{start}{}", any(c));
    accepted(own).is_ok()
}

#[test]
fn envoy_takes_the_expressions_of_every_place_that_check_accepts() {
    const FIRST_PORT: u16 = 7_000;
    let block = Block::take();
    let first = number("MESHCTL_REGEX_SEED", 1);
    let (mut kept, mut dropped) = (0, 0);
    for seed in first..first + number("MESHCTL_REGEXES", EXPRESSIONS).div_ceil(EXPRESSIONS) {
        let mut c = Chance::new(seed);
        let mut mesh = routes::mesh(seed, block.second(), FIRST_PORT);
        let mut bad = BTreeSet::new();
        for (name, router) in &mut mesh.routers {
            for route in &mut router.routes {
                let own = &mut route.matches;
                let fine = path(&mut c, &mut own.path)
                    & conditions(&mut c, &mut own.headers)
                    & conditions(&mut c, &mut own.query_parameters)
                    & conditions(&mut c, &mut own.metadata);
                let address = Address::Route(name.clone(), route.name.clone());
                bad.extend((!fine).then_some(address));
            }
        }
        for (name, gateway) in &mut mesh.gateways {
            for route in &mut gateway.routes {
                let own = &mut route.matches;
                let fine = path(&mut c, &mut own.path)
                    & conditions(&mut c, &mut own.headers)
                    & conditions(&mut c, &mut own.query_parameters)
                    & conditions(&mut c, &mut own.metadata);
                let address = Address::GatewayRoute(name.clone(), route.name.clone());
                bad.extend((!fine).then_some(address));
            }
        }
        let mut tally = Tally::default();
        let project = Project::new(&mut mesh, &mut tally);
        let left: BTreeSet<Address> = mesh.addresses().into_iter().collect();
        let missed: Vec<&Address> = bad.intersection(&left).collect();
        assert!(missed.is_empty(), "seed {seed}: check accepts the expressions of {missed:?}");
        kept += left.len();
        dropped += bad.len();
        // Fails if a proxy rejects anything.
        drop(start_applied(&mesh, &project.root()));
    }
    println!("{kept} resources were taken, {dropped} routes had expressions that check rejects");
    assert!(dropped > 0 && kept > dropped, "{kept} kept, {dropped} dropped");
}

#[test]
#[should_panic(expected = "rejected")]
fn routes_that_a_proxy_rejects_fail_a_test() {
    let block = Block::take();
    let mut mesh = routes::mesh(1, block.second(), 7_000);
    let route = mesh.routers.values_mut().flat_map(|router| &mut router.routes).next().unwrap();
    // Too large for Envoy, which opens the listeners in any case.
    route.matches.path = Some(PathMatch::Regex("/(a{1000}){10}".to_owned()));
    drop(start_all(&mesh));
}
