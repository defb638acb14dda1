//! Requests that are aimed at one route of a random mesh: near every one of its conditions, met or
//! just missed, and sent in a form that means the same.

use super::random_calls as calls;
use super::random_http2 as http2;
use super::random_mesh::Chance;
use super::random_routes::{BOUND, VALUES, request as anything};
use meshctl::model::{
    GatewayMatch, HostnameMatch, Matcher, Mesh, Method, PathMatch, Pattern, RouteMatch,
};
use meshctl::traffic::Request;
use std::collections::BTreeMap;

/// Paths of which most expressions of random meshes match some.
const SAMPLES: &[&str] = &[
    "/api/x",
    "/a",
    "/b",
    "/abc",
    "/API/x",
    "/x.b",
    "/v1",
    "/v1/y",
    "/x%2Fy",
    "/a/b",
    "/word",
    "/abcd",
    "/new/x/",
    "/aa/b",
    "/x9",
    "/a.b",
    "/one.two/x",
    "/api",
    "/Zv1",
];

/// A request to one of the doors: most are aimed at a route, some at nothing.
pub(crate) fn request(c: &mut Chance, mesh: &Mesh, first: u16) -> Request {
    if c.once_in(4) {
        return anything(c, first);
    }
    let mut request = anything(c, first);
    if c.once_in(2) {
        let routes = &mesh.gateways.values().next().unwrap().routes;
        let route = c.pick(routes);
        request.port = route.matches.port.unwrap().get();
        gateway(c, &mut request, &route.matches);
    } else {
        let number = c.below(mesh.routers.len() as u64) as usize;
        let (name, router) = mesh.routers.iter().nth(number).unwrap();
        if router.routes.is_empty() {
            return request;
        }
        let route = c.pick(&router.routes);
        let at: u16 = name.as_str()[1..].parse().unwrap();
        let base = match &name.as_str()[..1] {
            "w" => calls::CALLS,
            "x" => http2::DOORS_AT,
            _ => 0,
        };
        let second = route.matches.port.is_some_and(|port| port.get() == 8081);
        request.port = first + BOUND + base + at + u16::from(second);
        router_route(c, &mut request, &route.matches);
    }
    if calls::is_call(&request, first) {
        request.path = request.path.replace(['\\', '"', '<', '>', '^', '`', '{', '|', '}'], "");
        // Not part of the host.
        if !request.path.starts_with('/') {
            request.path.insert(0, '/');
        }
        request.method = "POST".to_owned();
        request.authority = c.pick(&["shop.example", "example", "a.example:1"]).to_owned();
    }
    request
}

fn gateway(c: &mut Chance, request: &mut Request, matches: &GatewayMatch) {
    if let Some(host) = &matches.hostname {
        let name = match host {
            HostnameMatch::Exact(name) => name.clone(),
            HostnameMatch::Suffix(name) => format!("{}{name}", c.pick(&["a", "a.b", "A"])),
        };
        let name = if c.once_in(3) { name.to_ascii_uppercase() } else { name };
        request.authority = format!("{name}{}", c.pick(&["", "", ":80", ":", ".", "x"]));
    }
    parts(c, request, matches.method, &matches.headers, &matches.metadata);
    path(c, request, matches.path.as_ref(), matches.service_name.as_deref(), None);
    query(c, request, &matches.query_parameters);
}

fn router_route(c: &mut Chance, request: &mut Request, matches: &RouteMatch) {
    parts(c, request, matches.method, &matches.headers, &matches.metadata);
    let (service, method) = (matches.service_name.as_deref(), matches.method_name.as_deref());
    path(c, request, matches.path.as_ref(), service, method);
    query(c, request, &matches.query_parameters);
}

fn parts(
    c: &mut Chance,
    request: &mut Request,
    method: Option<Method>,
    headers: &BTreeMap<String, Vec<Matcher>>,
    metadata: &BTreeMap<String, Vec<Matcher>>,
) {
    let connect = |method: &Method| *method == Method::Connect;
    if let Some(method) = method.filter(|method| !connect(method)) {
        request.method = method.as_str().to_owned();
    }
    for (name, matchers) in headers.iter().chain(metadata) {
        let name = name.to_ascii_lowercase();
        request.headers.retain(|(own, _)| *own != name);
        for matcher in matchers {
            for _ in 0..c.pick(&[0, 1, 1, 1, 1, 2, 2]) {
                let value = value(c, matcher).trim_matches([' ', '\t']).to_owned();
                request.headers.push((name.clone(), value.into()));
            }
        }
    }
}

/// A value near a condition.
fn value(c: &mut Chance, matcher: &Matcher) -> String {
    if c.once_in(4) {
        return c.pick(VALUES).to_owned();
    }
    match &matcher.pattern {
        Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text) => {
            let near = [
                text.clone(),
                text.clone(),
                format!("{text}x"),
                format!("x{text}"),
                format!("{text},9"),
                format!("9,{text}"),
                text.to_ascii_uppercase(),
                String::new(),
            ];
            c.pick(&near)
        }
        Pattern::Range(range) => {
            let (start, end) = (i128::from(range.start), i128::from(range.end));
            let near = [start, start, end - 1, end - 1, end, start - 1, -1];
            let number = c.pick(&near).to_string();
            format!("{}{number}", c.pick(&["", "", "", "+", "0", " "]))
        }
        Pattern::Regex(_) | Pattern::Present(_) if c.once_in(4) => String::new(),
        Pattern::Regex(_) | Pattern::Present(_) => c.pick(VALUES).to_owned(),
    }
}

fn path(
    c: &mut Chance,
    request: &mut Request,
    wanted: Option<&PathMatch>,
    service: Option<&str>,
    method: Option<&str>,
) {
    let query = request.path.find('?').map_or(String::new(), |at| request.path[at..].to_owned());
    let mut path = match (wanted, service) {
        (Some(PathMatch::Prefix(text)), _) => {
            format!("{text}{}", c.pick(&["", "", "/", "/b", "b", "//b", "/../b", "api/v1"]))
        }
        (Some(PathMatch::Exact(text)), _) => {
            format!("{text}{}", c.pick(&["", "", "", "", "/", "x"]))
        }
        (Some(PathMatch::Regex(text)), _) => {
            let whole = regex_automata::meta::Regex::new(&format!("^(?:{text})$"));
            let fits = |path: &str| whole.as_ref().is_ok_and(|whole| whole.is_match(path));
            let fitting: Vec<&str> = SAMPLES.iter().copied().filter(|path| fits(path)).collect();
            let end = c.pick(&["", "", "", "/", "x", "/b"]);
            format!("{}{end}", if fitting.is_empty() { c.pick(SAMPLES) } else { c.pick(&fitting) })
        }
        (None, Some(service)) => format!(
            "/{service}{}{}{}",
            c.pick(&["/", "/", "/", "/", "", "x/"]),
            method.unwrap_or("Get"),
            c.pick(&["", "", "", "/", "x"])
        ),
        (None, None) => return,
    };
    if c.once_in(3) {
        path = respelled(c, &path);
    }
    request.path = path + &query;
}

/// The same path, most often, in other bytes.
fn respelled(c: &mut Chance, path: &str) -> String {
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    let Some(at) = (!slashes.is_empty()).then(|| c.pick(&slashes)) else { return path.to_owned() };
    let (before, after) = path.split_at(at);
    let more = c.pick(&["/", "/.", "/x/..", "/%2e", "/x/%2E%2e", "\\.", "/..", "//."]);
    if c.once_in(2) {
        return format!("{before}{more}{after}");
    }
    // One letter escaped, in capitals or not.
    let letters: Vec<(usize, char)> =
        path.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic()).collect();
    let Some((at, letter)) = (!letters.is_empty()).then(|| c.pick(&letters)) else {
        return format!("{before}{more}{after}");
    };
    format!("{}%{:02x}{}", &path[..at], letter as u32, &path[at + 1..])
}

fn query(c: &mut Chance, request: &mut Request, wanted: &BTreeMap<String, Vec<Matcher>>) {
    let mut pairs = Vec::new();
    for (name, matchers) in wanted {
        for matcher in matchers {
            let mut value = || value(c, matcher).replace([' ', '\t', '#', '&', '\u{e9}'], "");
            let (one, other) = (value(), value());
            pairs.push(c.pick(&[
                name.clone(),
                format!("{name}="),
                format!("{name}={one}"),
                format!("{name}={one}"),
                format!("{name}={one}"),
                format!("{name}={one}&{name}={other}"),
                format!("x={name}"),
            ]));
        }
    }
    if !pairs.is_empty() {
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        request.path = format!("{path}?{}", pairs.join("&"));
    }
}
