//! Where a server is, and what may be sent there.

use reqwest::Url;
use std::net::IpAddr;

/// The place of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub base: String,
    /// The host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it is asked over TLS.
    pub tls: bool,
}

impl Place {
    /// Reads the URL of a server. What is wrong with it is said without quoting it: it may hold a
    /// secret.
    pub fn read(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|why| format!("its URL cannot be read: {why}"))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err("it must begin with http:// or https://".to_owned()),
        };
        let secret = !url.username().is_empty() || url.password().is_some();
        if secret || url.query().is_some() || url.fragment().is_some() {
            let why = "its URL has a user, a password, a query or a fragment; what a server is to be \
                       shown stands in the file or the variable of `token`";
            return Err(why.to_owned());
        }
        let host = url.host_str().ok_or("its URL has no host")?;
        let port = url.port_or_known_default().ok_or("its URL has no port")?;
        let base = text.trim_end_matches('/').to_owned();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { base, host, port, tls })
    }

    /// Whether it is on this host.
    pub fn is_here(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => {
                address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
            }
            Ok(IpAddr::V4(address)) => address.is_loopback(),
            Err(_) => self.host == "localhost",
        }
    }

    /// Whether a secret that is sent there can be read by nobody on the way.
    pub fn keeps_secrets(&self) -> bool {
        self.tls || self.is_here()
    }
}

/// How messages call a server whose URL cannot be used, without what may be a secret.
pub(super) fn shown(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) => {
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        }
        Err(_) => "the server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_on_this_host_or_go_over_tls() {
        let keeps = |url: &str| Place::read(url).unwrap().keeps_secrets();
        for url in [
            "http://127.0.0.1:1",
            "http://127.9.9.9:1/",
            "http://[::1]:7",
            "http://localhost:80",
            "https://mesh.example",
            "http://[::ffff:127.0.0.1]:1",
        ] {
            assert!(keeps(url), "{url}");
        }
        for url in ["http://mesh.example:1", "http://10.0.0.1:1", "http://localhost.example:1"] {
            assert!(!keeps(url), "{url}");
        }
    }

    #[test]
    fn a_secret_in_a_url_is_not_quoted() {
        for url in [
            "https://user:hunter2@mesh.example:1",
            "https://hunter2@mesh.example",
            "https://mesh.example/?token=hunter2",
            "https://mesh.example/#hunter2",
            "ftp://user:hunter2@mesh.example",
        ] {
            let why = Place::read(url).unwrap_err();
            assert!(!why.contains("hunter2") && !shown(url).contains("hunter2"), "{why}");
        }
        assert_eq!(shown("https://u:p@mesh.example:8/?x"), "https://mesh.example:8");
    }
}
