//! A request, as a client sends it.

use super::arrival::Codec;
use super::field::FieldValue;
use std::fmt;

/// A request as a client sends it: nothing is normalised yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// What stands in `Host` or `:authority`: a host, perhaps with a port.
    pub authority: String,
    /// The port that is called: the authority's, or the scheme's.
    pub port: u16,
    /// Whether the URL named the port.
    pub explicit_port: bool,
    /// Path and query as sent, for example `/a//b?x=1`.
    pub path: String,
    /// All other headers in the order in which they are sent; a name may come several times.
    pub headers: Vec<(String, FieldValue)>,
    /// The HTTP version; `None` is what clients of the port speak.
    pub codec: Option<Codec>,
}

/// A URL or header that no request can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRequest(String);

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadRequest {}

impl Request {
    /// A request for a URL: `http://HOST[:PORT][/PATH][?QUERY]`, or `https`.
    pub fn new(method: &str, url: &str) -> Result<Self, BadRequest> {
        let bad = |why: String| BadRequest(format!("`{url}` is not a URL to be called: {why}"));
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if method.is_empty() || !method.chars().all(token) {
            return Err(BadRequest(format!("`{method}` is not a method")));
        }
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| bad("it starts with http:// or https://".to_owned()))?;
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "http" | "tcp" => 80,
            "https" => 443,
            _ => return Err(bad(format!("`{scheme}` is neither http nor https"))),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // What follows a `#` never leaves the client.
        let path = path.split('#').next().unwrap_or_default();
        if authority.contains('@') {
            return Err(bad("it names a user".to_owned()));
        }
        if authority.is_empty() {
            return Err(bad("it has no host".to_owned()));
        }
        // What is not ASCII is sent as it is; proxies take some of it by HTTP/2.
        if let Some(c) = url.chars().find(|c| c.is_ascii() && !c.is_ascii_graphic()) {
            return Err(bad(format!("it contains {c:?}, which a client would escape")));
        }
        let named = port_of(authority);
        let port = match named {
            None => default,
            Some(digits) => digits
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| bad(format!("`{digits}` is no port")))?,
        };
        let path = match path {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        Ok(Self {
            method: method.to_owned(),
            scheme,
            authority: authority.to_owned(),
            port,
            explicit_port: named.is_some(),
            path,
            headers: Vec::new(),
            codec: None,
        })
    }

    /// Adds a header in the form `NAME: VALUE`. `Host` replaces the authority, not the port that
    /// is called.
    pub fn header(&mut self, line: &str) -> Result<(), BadRequest> {
        let bad = |why: &str| BadRequest(format!("`{line}` is not a header: {why}"));
        let (name, value) =
            line.split_once(':').ok_or_else(|| bad("it has the form NAME: VALUE"))?;
        let (name, value) = (name.trim(), value.trim_matches([' ', '\t']));
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            return Err(bad("its name has other characters than headers have"));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(bad("its value contains a control character"));
        }
        if name.eq_ignore_ascii_case("host") {
            value.clone_into(&mut self.authority);
        } else {
            self.headers.push((name.to_ascii_lowercase(), value.into()));
        }
        Ok(())
    }

    /// The URL, as far as one can be told.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// `GET http://shop.example/cart x-canary=true`
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url())?;
        for (name, value) in &self.headers {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// The digits after the host, if there is a port.
fn port_of(authority: &str) -> Option<&str> {
    let after = authority.rfind(']').unwrap_or(0);
    authority[after..].rfind(':').map(|at| &authority[after + at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_requests() {
        let read = |url: &str| {
            let request = Request::new("GET", url).unwrap();
            format!("{} {} {}", request.authority, request.port, request.path)
        };
        assert_eq!(read("http://a.b"), "a.b 80 /");
        assert_eq!(read("https://a.b?x=1"), "a.b 443 /?x=1");
        assert_eq!(read("http://a.b:8080//x/../y#z"), "a.b:8080 8080 //x/../y");
        assert_eq!(read("http://[::1]:81/"), "[::1]:81 81 /");
        assert_eq!(read("http://[::1]/"), "[::1] 80 /");
        assert_eq!(read("http://a/é?q=é"), "a 80 /é?q=é");
        for url in [
            "a.b/",
            "ftp://a/",
            "http:///x",
            "http://u@h/",
            "http://a:0/",
            "http://a:x/",
            "http://a/b c",
        ] {
            assert!(Request::new("GET", url).is_err(), "{url}");
        }
        assert!(Request::new("G T", "http://a/").is_err());
    }

    #[test]
    fn a_host_header_replaces_the_authority_and_keeps_the_port() {
        let mut request = Request::new("GET", "http://127.0.0.1:8080/").unwrap();
        request.header("Host: shop.example").unwrap();
        request.header("X-A:  1 ").unwrap();
        assert_eq!((request.authority.as_str(), request.port), ("shop.example", 8080));
        assert_eq!(request.headers, [("x-a".to_owned(), "1".into())]);
        assert!(request.header("no colon").is_err());
        assert!(request.header("a b: c").is_err());
    }
}
