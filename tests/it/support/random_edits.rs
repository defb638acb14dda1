//! Changes by chance of the meshes of `random_routes`, of the kinds that people make.

use super::random_mesh::Chance;
use super::random_routes::{NODES, PREFIXES, headers, mesh as another, trail};
use meshctl::model::{Mesh, NodeName, PathMatch, PrefixRewrite, RouteName, Target};

/// The mesh with a few changes.
pub(crate) fn edited(c: &mut Chance, before: &Mesh, first: u16) -> Mesh {
    let mut mesh = before.clone();
    // One of them where gRPC is spoken.
    edit(c, &mut mesh, first, |router| router.starts_with('w'));
    for _ in 0..2 + c.below(4) {
        edit(c, &mut mesh, first, |_| true);
    }
    mesh
}

fn edit(c: &mut Chance, mesh: &mut Mesh, first: u16, of: fn(&str) -> bool) {
    let names = mesh.routers.keys().filter(|name| of(name.as_str()));
    let names: Vec<_> = names.cloned().collect();
    let name = c.pick(&names);
    let node = |c: &mut Chance| match &name.as_str()[..1] {
        "w" => NodeName::new(format!("m{}", c.below(3))).unwrap(),
        "x" => NodeName::new(format!("k{}", c.below(3))).unwrap(),
        _ => NodeName::new(format!("n{}", c.below(u64::from(NODES)))).unwrap(),
    };
    let to = node(c);
    let routes = &mut mesh.routers.get_mut(&name).unwrap().routes;
    let at = c.below(routes.len().max(1) as u64) as usize;
    let edge = &mut mesh.gateways.values_mut().next().unwrap().routes;
    let door = c.below(edge.len().max(1) as u64) as usize;
    match c.below(10) {
        // Weights shift.
        0 if !routes.is_empty() => {
            routes[at].targets.retain(|target| target.node != to);
            routes[at].targets.push(Target { node: to, port: None, weight: 1 });
        }
        // A new prefix takes part of another's traffic.
        1 if !routes.is_empty() && name.as_str().starts_with('v') => {
            let mut new = routes[at].clone();
            new.name = RouteName::new("new").unwrap();
            new.patch = trail(&format!("route/{name}/new"));
            new.matches.path = Some(PathMatch::Prefix(c.pick(PREFIXES).to_owned()));
            new.targets = vec![Target { node: to, port: None, weight: 1 }];
            routes.retain(|route| route.name != new.name);
            routes.insert(at.min(routes.len()), new);
        }
        2 if !routes.is_empty() => drop(routes.remove(at)),
        3 if !edge.is_empty() => drop(edge.remove(door)),
        // A rewrite changes.
        4 if !edge.is_empty() => {
            edge[door].rewrite.prefix = PrefixRewrite::Value("/new/".to_owned());
            edge[door].rewrite.hostname ^= true;
        }
        5 if !routes.is_empty() && name.as_str().starts_with('w') => {
            routes[at].matches.metadata = headers(c);
        }
        5 if !routes.is_empty() => routes[at].matches.headers = headers(c),
        // The order changes.
        6 if routes.len() > 1 => routes.swap(at, 0),
        7 if edge.len() > 1 => edge.swap(door, 0),
        // A caller gives up a service.
        8 => {
            let client = NodeName::new("client").unwrap();
            let backends = &mut mesh.nodes.get_mut(&client).unwrap().backends;
            let at = c.below(backends.len() as u64) as usize;
            if backends.len() > 3 {
                backends.remove(at);
            }
        }
        // A router becomes another.
        _ => {
            let other = another(c.below(1_000), 1, first);
            if let Some(other) = other.routers.get(&name) {
                mesh.routers.insert(name, other.clone());
            }
        }
    }
}
