//! How the work of comparing requests grows. Counted, not timed: `benches/traffic.rs` tells the
//! seconds.

use meshctl::model::{Address, Mesh};
use meshctl::traffic::symbolic::{Asks, Condition, Part, Region, Space, Test, compare, takers};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A router with so many routes, each fifth by an expression.
fn table(routes: usize) -> Vec<Vec<Condition>> {
    let is = |part, test| Condition::new(part, Asks::Is(test));
    (0..routes)
        .map(|at| {
            let name = format!("/api/v{}/team{}/service{at}", at % 3, at % 50);
            let path = match at % 5 {
                0 => Test::Regex(format!("{name}/items/[0-9]+(/.*)?")),
                1 => Test::Exact(name),
                _ => Test::Prefix(name),
            };
            let mut conditions = vec![is(Part::Path, path)];
            if at % 7 == 0 {
                conditions.push(is(Part::Method, Test::Exact("GET".to_owned())));
            }
            if at % 11 == 0 {
                let header = Part::Header(format!("x-{}", at % 4));
                conditions.push(is(header, Test::Exact("true".to_owned())));
            }
            conditions
        })
        .collect()
}

fn shadowing(routes: usize) -> usize {
    let rows = table(routes);
    let space = Space::new(rows.iter().map(Vec::as_slice));
    let regions: Vec<Region> = rows.iter().map(|row| space.region(row)).collect();
    let found = takers(&space, &[&regions], None);
    assert!(!found.cut_short && regions.iter().all(Region::is_exact));
    space.work() + found.work
}

#[test]
fn the_work_of_a_router_grows_about_as_its_routes() {
    let (small, large) = (shadowing(125), shadowing(500));
    assert!(large < small * 8, "four times the routes: {small} -> {large}");
    assert!(large < 1_000_000, "{large}");
}

/// Services behind a gateway of twenty routes; each has a router of five routes.
fn mesh(services: usize, weight: u32) -> Mesh {
    let mut text = String::from(
        "[mesh]\nname = \"m\"\n\n[virtual_gateway.edge]\n\
         listeners = [{ port = 80, protocol = \"http\" }]\n",
    );
    for at in 0..20 {
        let _ = write!(
            text,
            "\n[[virtual_gateway.edge.routes]]\nname = \"r{at}\"\n\
             match = {{ prefix = \"/{at}/\" }}\nservice = \"s{at}.m\"\n"
        );
    }
    for at in 0..services {
        let next = (at + 1) % services;
        let _ = write!(
            text,
            "\n[virtual_service.\"s{at}.m\"]\nrouter = \"s{at}\"\n\n[virtual_router.s{at}]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n"
        );
        for route in 0..4 {
            let _ = write!(
                text,
                "\n[[virtual_router.s{at}.routes]]\nname = \"p{route}\"\n\
                 match = {{ prefix = \"/p{route}/\" }}\ntargets = {{ s{at} = 1 }}\n"
            );
        }
        let weight = if at == 0 { weight } else { 90 };
        let _ = write!(
            text,
            "\n[[virtual_router.s{at}.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
             targets = {{ s{at} = {weight}, s{next} = 10 }}\n\n[virtual_node.s{at}]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"s{at}.internal\" }}\nbackends = [\"s{next}.m\"]\n"
        );
    }
    super::traffic::mesh(&text)
}

#[test]
fn the_work_of_a_traffic_diff_follows_from_the_change() {
    let changed: BTreeSet<Address> = ["route/s0/all".parse().unwrap()].into();
    let [small, large] = [30, 150].map(|services| {
        let found = compare(&mesh(services, 90), &mesh(services, 80), &changed);
        assert_eq!(found.entries.len(), 2, "the gateway and the one caller");
        assert_eq!(found.entries.iter().map(|entry| entry.changed.len()).sum::<usize>(), 2);
        found.work
    });
    assert_eq!(small, large);
}
