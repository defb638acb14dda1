//! The shop on live Envoys: each feature by requests that succeed and requests that must not.

use crate::support::mesh::Live;
use std::time::Instant;

const EDGE: &str = "virtual_gateway/edge";
const CART: &str = "http://shop.example/cart/items";
const SEARCH: &str = "http://shop.example/catalog/search?q=teapot";
const ITEM: &str = "http://shop.example/catalog/items/7";

/// The numbers of successes of `n` trials outside of which lies less than `outside` of the
/// probability, half on either side.
fn binomial_interval(n: u32, p: f64, outside: f64) -> (u32, u32) {
    let mut log = vec![0.0; n as usize + 1];
    for k in 1..=n as usize {
        log[k] = log[k - 1] + ((n as usize - k + 1) as f64 / k as f64).ln();
    }
    let mass: Vec<f64> = (0..=n)
        .map(|k| {
            (log[k as usize] + f64::from(k) * p.ln() + f64::from(n - k) * (1.0 - p).ln()).exp()
        })
        .collect();
    let below = |masses: &mut dyn Iterator<Item = &f64>| {
        let mut sum = 0.0;
        masses
            .take_while(|mass| {
                sum += **mass;
                sum < outside / 2.0
            })
            .count() as u32
    };
    (below(&mut mass.iter()), n - below(&mut mass.iter().rev()))
}

#[test]
fn the_binomial_interval_is_that_of_the_tables() {
    // 95 % of 100 throws of a coin: 40 to 60.
    assert_eq!(binomial_interval(100, 0.5, 0.05), (40, 60));
}

#[test]
fn the_canary_gets_its_share_and_those_who_ask_for_it() {
    let live = Live::example("shop");
    let counts = live.census(&live.request(EDGE, "GET", CART, &[]), 5000);
    let (low, high) = binomial_interval(5000, 0.05, 1e-9);
    let canary = counts.get("200 cart-v2").copied().unwrap_or(0);
    println!("{canary} of 5000 went to the canary; 1 - 1e-9 of all runs lie in {low}..={high}");
    assert_eq!(canary + counts["200 cart-v1"], 5000, "{counts:?}");
    assert!((low..=high).contains(&canary), "{canary} is not in {low}..={high}");

    let asked = live.census(&live.request(EDGE, "GET", CART, &[("x-canary", "true")]), 100);
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), [("200 cart-v2".to_owned(), 100)]);
    let other = live.census(&live.request(EDGE, "GET", CART, &[("x-canary", "truely")]), 200);
    assert!(other.contains_key("200 cart-v1"), "another value is no canary: {other:?}");
}

#[test]
fn failed_requests_are_retried_as_often_as_the_route_says() {
    let live = Live::example("shop");
    let failing = |url: &str, key: &str, first: &str, status: &str| {
        let headers = [
            ("x-upstream-key", key),
            ("x-upstream-fail-first", first),
            ("x-upstream-status", status),
            ("x-canary", "true"),
        ];
        live.call(EDGE, "GET", url, &headers)
    };
    // The canary route has App Mesh's default policy: two retries of 503.
    let answer = failing(CART, "a", "2", "503");
    assert_eq!((answer.status(), answer.field("attempt")), (200, 3.into()));
    let answer = failing(CART, "b", "3", "503");
    assert_eq!((answer.status(), answer.field("attempt")), (503, 3.into()));
    let answer = failing(CART, "c", "1", "500");
    assert_eq!((answer.status(), answer.field("attempt")), (500, 1.into()), "500 is not retried");
    // Three retries of server errors.
    let answer = failing(ITEM, "d", "3", "500");
    assert_eq!((answer.status(), answer.field("attempt")), (200, 4.into()));
    // `max_retries = 0` turns them off.
    let answer = failing(SEARCH, "e", "1", "503");
    assert_eq!((answer.status(), answer.field("attempt")), (503, 1.into()));
    let again = live.call(EDGE, "GET", SEARCH, &[("x-upstream-key", "e")]);
    assert_eq!(again.field("attempt"), 2, "there was no other try in between");
}

#[test]
fn a_slow_answer_is_cut_off_by_the_timeout_of_its_route() {
    let live = Live::example("shop");
    let start = Instant::now();
    // The timeout of the items is a second, that of the search five.
    let answer = live.call(EDGE, "GET", ITEM, &[("x-upstream-delay-ms", "15000")]);
    assert_eq!(answer.brief(), "504");
    assert!(start.elapsed().as_secs() < 15, "before the application answers");
    let answer = live.call(EDGE, "GET", SEARCH, &[("x-upstream-delay-ms", "1000")]);
    assert_eq!(answer.brief(), "200 search");
}

#[test]
fn the_gateway_rewrites_hosts_and_prefixes_as_the_routes_say() {
    let live = Live::example("shop");
    let seen = |method: &str, url: &str| {
        let answer = live.call(EDGE, method, url, &[]);
        let text = |name: &str| answer.field(name).as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", answer.brief(), text("host"), text("path"))
    };
    let cart = "200 cart-v1 cart.shop.internal";
    let canary = "200 cart-v2 cart.shop.internal";
    for (path, becomes) in [("/cart/items?a=b", "/items?a=b"), ("/cart", "/"), ("/cart/", "/")] {
        let answer = seen("GET", &format!("http://shop.example{path}"));
        let expected = [format!("{cart} {becomes}"), format!("{canary} {becomes}")];
        assert!(expected.contains(&answer), "{path}: {answer}");
    }
    assert_eq!(
        seen("GET", "http://shop.example/catalog/items/7"),
        "200 catalog shop.example /v2/items/7"
    );
    assert_eq!(
        seen("POST", "http://shop.example/checkout"),
        "200 checkout checkout.shop.internal /checkout"
    );
    // Another host, another method, another path: no route.
    assert_eq!(seen("GET", "http://other.example/cart/items"), "404 - -");
    assert_eq!(seen("GET", "http://shop.example/checkout"), "404 - -");
    assert_eq!(seen("POST", "http://shop.example/checkout/x"), "404 - -");
    assert_eq!(seen("GET", "http://shop.example/catalog"), "404 - -");
}

#[test]
fn the_catalog_is_matched_by_path_query_and_method() {
    let live = Live::example("shop");
    let brief = |method: &str, path: &str| {
        let url = format!("http://catalog.shop.internal:8080{path}");
        live.call("virtual_node/checkout", method, &url, &[]).brief()
    };
    assert_eq!(brief("GET", "/v2/search?q=x"), "200 search");
    assert_eq!(brief("GET", "/v2/search"), "404", "the query is missing");
    assert_eq!(brief("GET", "/v2/search/x?q=x"), "404", "an exact path has nothing behind it");
    assert_eq!(brief("GET", "/items/12"), "200 catalog");
    assert_eq!(brief("GET", "/v2/items/12"), "200 catalog");
    assert_eq!(brief("GET", "/items/12x"), "404", "an expression matches the whole path");
    assert_eq!(brief("DELETE", "/items/12"), "404", "only GET is routed");
}
