//! Matches of routes: paths, headers and query parameters.

use super::{Dump, Fields};
use crate::import::tree::Node;
use crate::model::HostnameMatch;
use crate::traffic::host_of_expression;

impl Dump<'_, '_> {
    /// A match in App Mesh's words. What it cannot say is in the report.
    pub(super) fn matches(&mut self, node: &Node, grpc: bool) -> Fields {
        let mut all = Fields::new(node.loc);
        match grpc {
            true => self.grpc_path(node, &mut all),
            false => self.path(node, &mut all),
        }
        let mut headers = Vec::new();
        for header in node.get("headers").map(Node::items).unwrap_or_default() {
            if !self.own_header(header, grpc, &mut all) {
                headers.extend(self.header(header));
            }
        }
        if !headers.is_empty() {
            let key = if grpc { "metadata" } else { "headers" };
            all.set(key, Node::list(node.loc, headers));
        }
        let parameters = node.get("query_parameters").map(Node::items).unwrap_or_default();
        let parameters: Vec<Node> = parameters
            .iter()
            .filter_map(|parameter| {
                let mut item = Fields::new(parameter.loc);
                item.set("name", parameter.get("name")?.clone());
                if let Some(exact) = parameter.at(&["string_match", "exact"]) {
                    item.set("match", Node::map(exact.loc, vec![("exact", exact.clone())]));
                }
                Some(item.done())
            })
            .collect();
        if !parameters.is_empty() {
            all.set("queryParameters", Node::list(node.loc, parameters));
        }
        all
    }

    fn path(&mut self, node: &Node, all: &mut Fields) {
        let regex = node.at(&["safe_regex", "regex"]);
        match (node.get("prefix"), node.get("path"), regex) {
            (Some(prefix), ..) => {
                all.set("prefix", prefix.clone());
            }
            (_, Some(path), _) => {
                all.set("path", Node::map(path.loc, vec![("exact", path.clone())]));
            }
            (_, _, Some(regex)) => {
                all.set("path", Node::map(regex.loc, vec![("regex", regex.clone())]));
            }
            _ => self.unread(node, "match", "has a path of a kind that App Mesh did not make"),
        }
    }

    /// The service and the method that a path of gRPC names: `/SERVICE/METHOD`.
    fn grpc_path(&mut self, node: &Node, all: &mut Fields) {
        let prefix = node.text_at("prefix");
        let service = prefix.and_then(|prefix| prefix.strip_prefix('/')?.strip_suffix('/'));
        let path = node.text_at("path").map(|path| path.trim_start_matches('/'));
        match (prefix, service, path.and_then(|path| path.split_once('/'))) {
            (Some("/"), ..) => {}
            (_, Some(service), _) => {
                all.text("serviceName", service);
            }
            (_, _, Some((service, method))) => {
                all.text("serviceName", service).text("methodName", method);
            }
            _ => self.unread(node, "match", "has a path that is no service or method of gRPC"),
        }
    }

    /// Reads a condition on what App Mesh has fields of its own for. `false` says that it is a header
    /// like any other.
    fn own_header(&mut self, header: &Node, grpc: bool, all: &mut Fields) -> bool {
        let name = header.text_at("name").unwrap_or_default();
        let value = header.get("exact_match").or_else(|| header.at(&["string_match", "exact"]));
        let inverted = header.get("invert_match").and_then(Node::boolean) == Some(true);
        let key = match name {
            ":method" => "method",
            ":scheme" => "scheme",
            ":authority" => "hostname",
            // What gRPC asks of every request.
            "content-type" if grpc && !inverted => {
                let of_grpc = |text: &str| text.starts_with("application/grpc");
                let known =
                    header.get("prefix_match").or_else(|| header.at(&["string_match", "prefix"]));
                return value.or(known).and_then(Node::text).is_some_and(of_grpc);
            }
            _ => return false,
        };
        let found = match value {
            _ if inverted => None,
            Some(value) if key == "hostname" => {
                Some(Node::map(value.loc, vec![("exact", value.clone())]))
            }
            Some(value) => Some(value.clone()),
            None if key == "hostname" => host(header),
            None => None,
        };
        match found {
            Some(found) => {
                all.set(key, found);
            }
            None => self.unread(
                header,
                "headers",
                &format!("matches `{name}` in another way than App Mesh"),
            ),
        }
        true
    }

    fn header(&mut self, header: &Node) -> Option<Node> {
        let mut item = Fields::new(header.loc);
        item.set("name", header.get("name")?.clone());
        let way = |old: &str, new: &str| {
            header.get(old).or_else(|| header.at(&["string_match", new])).cloned()
        };
        let regex = header
            .at(&["safe_regex_match", "regex"])
            .or_else(|| header.at(&["string_match", "safe_regex", "regex"]));
        // Envoy leaves out what is zero.
        let range = header.get("range_match").map(|range| {
            let bound =
                |key: &str| range.get(key).cloned().unwrap_or_else(|| Node::scalar(range.loc, "0"));
            Node::map(range.loc, vec![("start", bound("start")), ("end", bound("end"))])
        });
        let ways = [
            ("exact", way("exact_match", "exact")),
            ("prefix", way("prefix_match", "prefix")),
            ("suffix", way("suffix_match", "suffix")),
            ("regex", regex.cloned()),
            ("range", range),
        ];
        let mut inverted = header.get("invert_match").and_then(Node::boolean) == Some(true);
        let present = header.get("present_match");
        match ways.into_iter().find_map(|(way, node)| Some((way, node?))) {
            Some((way, node)) => {
                item.set("match", Node::map(node.loc, vec![(way, node)]));
            }
            // The header is there, or with `false` it is not.
            None if present.is_some() => {
                inverted ^= present.and_then(Node::boolean) == Some(false);
            }
            None => {
                self.unread(header, "headers", "has a match of a kind that App Mesh did not make");
                return None;
            }
        }
        if inverted {
            item.text("invert", "true");
        }
        Some(item.done())
    }
}

/// The host that a match of `:authority` is about, in any case of letters and with any port.
fn host(header: &Node) -> Option<Node> {
    let suffix = header.get("suffix_match").or_else(|| header.at(&["string_match", "suffix"]));
    if let Some(suffix) = suffix {
        return Some(Node::map(suffix.loc, vec![("suffix", suffix.clone())]));
    }
    let regex = header.at(&["string_match", "safe_regex", "regex"])?;
    let (way, name) = match host_of_expression(regex.text()?)? {
        HostnameMatch::Exact(name) => ("exact", name),
        HostnameMatch::Suffix(name) => ("suffix", name),
    };
    Some(Node::map(regex.loc, vec![(way, Node::scalar(regex.loc, name))]))
}
