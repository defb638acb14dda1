//! The table of rules itself, and the small judgements that rules rest on.

use super::*;
use crate::graph::Graph;
use crate::model::{Address, Matcher, Mesh, NodeName, Origins, VirtualNode};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn ids_are_unique() {
    let codes = codes();
    for pair in codes.windows(2) {
        assert!(pair[0].id < pair[1].id, "{} is used twice", pair[1].id);
    }
}

fn matcher(value: serde_json::Value) -> Matcher {
    serde_json::from_value(value).unwrap()
}

#[test]
fn matchers_exclude_each_other_only_where_that_is_certain() {
    use matchers::Together::{self, Never, Perhaps, Twice};
    let is = |expected: Together, a: serde_json::Value, b: serde_json::Value| {
        let (one, other) = (matcher(a.clone()), matcher(b.clone()));
        assert_eq!(matchers::together(&one, &other), expected, "{a} and {b}");
        assert_eq!(matchers::together(&other, &one), expected, "{b} and {a}");
    };
    is(Twice, json!({ "exact": "a" }), json!({ "exact": "b" }));
    is(Twice, json!({ "exact": "ab" }), json!({ "prefix": "b" }));
    is(Twice, json!({ "prefix": "a" }), json!({ "prefix": "b" }));
    is(Twice, json!({ "suffix": "a" }), json!({ "suffix": "b" }));
    is(Twice, json!({ "range": [0, 5] }), json!({ "range": [5, 9] }));
    is(Twice, json!({ "range": [0, 5] }), json!({ "exact": "5" }));
    is(Never, json!({ "exact": "a" }), json!({ "exact": "a", "invert": true }));
    is(Never, json!({ "exact": "ab" }), json!({ "prefix": "a", "invert": true }));
    is(Never, json!({ "prefix": "ab" }), json!({ "prefix": "a", "invert": true }));
    is(Never, json!({ "range": [2, 3] }), json!({ "range": [0, 5], "invert": true }));
    is(Never, json!({ "regex": "a+" }), json!({ "regex": "a+", "invert": true }));
    is(Never, json!({ "present": false }), json!({ "exact": "a" }));
    is(Never, json!({ "present": false }), json!({ "exact": "a", "invert": true }));
    is(Never, json!({ "present": true, "invert": true }), json!({ "present": true }));
    is(Perhaps, json!({ "prefix": "a" }), json!({ "prefix": "ab" }));
    is(Perhaps, json!({ "prefix": "a" }), json!({ "prefix": "ab", "invert": true }));
    is(Perhaps, json!({ "prefix": "a" }), json!({ "suffix": "b" }));
    is(Perhaps, json!({ "range": [0, 5] }), json!({ "range": [4, 9] }));
    is(Perhaps, json!({ "exact": "a" }), json!({ "regex": "b" }));
    is(Perhaps, json!({ "exact": "a", "invert": true }), json!({ "prefix": "a" }));
    is(Perhaps, json!({ "present": true }), json!({ "exact": "a", "invert": true }));
    is(Perhaps, json!({ "present": false }), json!({ "present": false }));
}

#[test]
fn paths_that_no_request_has_are_told_from_odd_ones() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/.well-known/x",
        "/a%2Fb",
        "/a;v=1",
        "/..",
        "/a..b/c",
        "/~u",
        "/100%",
        "/a%4",
        "/x;v=1/..%3B",
        "/...;/y",
    ] {
        assert_eq!(matching::impossible(path), None, "{path}");
    }
    for path in [
        "",
        "a",
        "/a?b",
        "/a#b",
        "/a//b",
        "//",
        "/a/../b",
        "/./b",
        "/a b",
        "/é",
        "/a\\b",
        "/%41",
        "/users/{id}",
        "/a^b",
        "/a|b",
        "/`",
        "/\"",
        "/<",
        "/%7Euser",
        "/%00",
        "/x/..;/y",
        "/.;",
    ] {
        assert!(matching::impossible(path).is_some(), "{path}");
    }
}

#[test]
fn a_stray_dot_stands_between_word_characters() {
    assert_eq!(matching::stray_dot("/v1.0/.*"), Some(3));
    for regex in ["/.*", r"/v1\.0", "/[a.b]+", "/a.+", "/x[.]y", "."] {
        assert_eq!(matching::stray_dot(regex), None, "{regex}");
    }
}

#[test]
fn spiffe_ids_are_read_as_their_specification_has_them() {
    for id in ["spiffe://a", "spiffe://shop.example/cart", "spiffe://a/b/C_1", "cart.internal"] {
        assert_eq!(trust::spiffe(id), None, "{id}");
    }
    for id in [
        "spiffe:a",
        "SPIFFE://a/b",
        "spiffe://",
        "spiffe://A/b",
        "spiffe://a/",
        "spiffe://a/b/",
        "spiffe://a//b",
        "spiffe://a/b?c",
        "spiffe://a:80/b",
    ] {
        assert!(trust::spiffe(id).is_some(), "{id}");
    }
}

fn found(mesh: &Mesh, broken: &BTreeSet<Address>) -> Vec<&'static str> {
    let (origins, certificates, graph) = (Origins::default(), BTreeSet::new(), Graph::new(mesh));
    let ctx = Ctx {
        mesh,
        origins: &origins,
        graph: &graph,
        broken,
        incomplete: false,
        certificates: &certificates,
        sds: true,
        registry: false,
        tls: &TlsFiles::default(),
    };
    check(&ctx).sorted().iter().map(|d| d.code.id).collect()
}

#[test]
fn what_could_not_be_read_is_not_called_unknown_or_unused() {
    let mut mesh = Mesh::default();
    let node: VirtualNode = serde_json::from_value(json!({
        "listeners": [{ "port": 8080, "protocol": "http" }],
        "discovery": { "static": ["10.0.0.1"] },
        "backends": [{ "service": "cart.shop.internal" }],
    }))
    .unwrap();
    mesh.nodes.insert(NodeName::new("front").unwrap(), node);
    assert_eq!(found(&mesh, &BTreeSet::new()), ["MC0101", "MC0110"]);
    let broken = BTreeSet::from(["virtual_service/cart.shop.internal".parse().unwrap()]);
    assert!(found(&mesh, &broken).is_empty());
}
