//! Resources that are too large to be given to a proxy.

use super::compile;
use crate::diag::Diagnostics;
use crate::envoy::limits::{self, RESOURCE_WARN, Sized};
use crate::envoy::{ProxyId, ResourceType, Settings};
use crate::model::{Mesh, NodeName, Origins, RouterName, ServiceName};
use crate::parallel;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

/// As many bytes of a resource, at most, come of one byte of what its proxy reads of the model.
/// A route of few words becomes about ten times as much; the rest is room.
const GROWTH: usize = 32;
/// What a name costs beside its own bytes.
const NAME: usize = 32;

/// Finds resources that no proxy should get, of these proxies. Only those are compiled that read so
/// much of the model that it could be, and of these the `most` that read the most.
pub fn oversized<'a>(
    mesh: &Mesh,
    settings: &Settings,
    origins: &Origins,
    among: impl Iterator<Item = &'a ProxyId>,
    most: usize,
) -> Diagnostics {
    let mut weights = Weights { mesh, services: BTreeMap::new() };
    let mut heavy: Vec<(usize, &ProxyId)> = among
        .map(|proxy| (weights.of(proxy), proxy))
        .filter(|(weight, _)| weight.saturating_mul(GROWTH) > RESOURCE_WARN)
        .collect();
    heavy.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    heavy.truncate(most);
    let found = parallel::map(&heavy, |(_, proxy)| {
        let config = compile(mesh, settings, proxy);
        let large = config.resources.values().filter(|r| r.message.value.len() > RESOURCE_WARN);
        let large = large.map(|resource| Sized {
            proxy: (*proxy).clone(),
            kind: resource.kind,
            name: resource.name.clone(),
            bytes: resource.message.value.len(),
            origin: resource.origins.first().cloned(),
        });
        large.collect::<Vec<_>>()
    });
    // Many proxies may have the same one: it is told once, of the proxy where it is largest.
    let mut worst: BTreeMap<(ResourceType, String), (Sized, usize)> = BTreeMap::new();
    for one in found.into_iter().flatten() {
        match worst.get_mut(&(one.kind, one.name.clone())) {
            None => {
                worst.insert((one.kind, one.name.clone()), (one, 0));
            }
            Some((kept, others)) => {
                *others += 1;
                if one.bytes > kept.bytes {
                    *kept = one;
                }
            }
        }
    }
    let mut diagnostics = Diagnostics::default();
    for (one, others) in worst.into_values() {
        diagnostics.push(limits::size(&one, others, origins));
    }
    diagnostics
}

/// How much of the model proxies read, in bytes of JSON.
struct Weights<'a> {
    mesh: &'a Mesh,
    services: BTreeMap<&'a ServiceName, usize>,
}

impl<'a> Weights<'a> {
    fn of(&mut self, proxy: &ProxyId) -> usize {
        let mesh = self.mesh;
        match proxy {
            ProxyId::Node(name) => mesh.nodes.get(name).map_or(0, |node| {
                let backends = node.backends.iter();
                let called: usize = backends.map(|backend| self.service(&backend.service)).sum();
                json(node) + called
            }),
            ProxyId::Gateway(name) => mesh.gateways.get(name).map_or(0, |gateway| {
                let routes = gateway.routes.iter();
                let called: usize = routes.map(|route| self.service(&route.service.name)).sum();
                let own = (&gateway.listeners, &gateway.backend_defaults, &gateway.access_log);
                json(&own) + json(&gateway.routes) + called
            }),
        }
    }

    fn service(&mut self, name: &ServiceName) -> usize {
        let mesh = self.mesh;
        let Some((name, service)) = mesh.services.get_key_value(name) else { return NAME };
        if let Some(known) = self.services.get(name) {
            return *known;
        }
        let of_node = |name: &NodeName| mesh.nodes.get(name).map_or(0, json);
        let of_router = |name: &RouterName| {
            let Some(router) = mesh.routers.get(name) else { return 0 };
            let targets = router.routes.iter().flat_map(|route| &route.targets);
            json(&router.listeners)
                + json(&router.routes)
                + targets.map(|target| of_node(&target.node)).max().unwrap_or(0)
        };
        let weight = NAME
            + name.as_str().len()
            + service.router.as_ref().map_or(0, of_router)
            + service.node.as_ref().map_or(0, of_node);
        self.services.insert(name, weight);
        weight
    }
}

/// Counts bytes.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn json(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    // Models are plain data; what could not be written would weigh nothing.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::ConfigSource;
    use crate::schema::{parse, read_mesh};
    use crate::span::Files;

    #[test]
    fn no_resource_has_more_bytes_than_its_proxy_may_come_to() {
        let mut seen = 0;
        for text in [
            include_str!("../../tests/cases/good/whole/mesh.toml"),
            include_str!("../../tests/cases/check/MC1209-resource-too-large/mesh.toml"),
            include_str!("../../tests/cases/check/MC1210-resource-large/mesh.toml"),
            include_str!("../../examples/shop/cart.toml"),
        ] {
            let id = Files::default().add("mesh.toml", text);
            let mesh = read_mesh(&parse(id, text).0).mesh;
            let mut weights = Weights { mesh: &mesh, services: BTreeMap::new() };
            for proxy in super::super::proxies(&mesh) {
                let config = compile(&mesh, &Settings::new(ConfigSource::Ads), &proxy);
                let largest = config.resources.values().map(|r| r.message.value.len()).max();
                let (largest, bound) = (largest.unwrap_or(0), weights.of(&proxy) * GROWTH);
                // What every proxy has is far below what is measured.
                assert!(largest <= bound.max(RESOURCE_WARN / 16), "{proxy}: {largest} > {bound}");
                seen += 1;
            }
        }
        assert!(seen > 8, "{seen}");
    }

    #[test]
    fn the_limit_itself_is_let_through() {
        let said = |bytes: usize| {
            let proxy = "virtual_node/a".parse().expect("a proxy");
            let (kind, name, origin) = (ResourceType::Cluster, "c".to_owned(), None);
            let one = Sized { proxy, kind, name, bytes, origin };
            let found = limits::size(&one, 0, &Origins::default());
            (found.code.id, found.message)
        };
        assert_eq!(said(limits::RESOURCE_MAX).0, "MC1210");
        let (code, message) = said(limits::RESOURCE_MAX + 1);
        assert_eq!((code, message.contains("has 4.1 MiB, more than 4 MiB")), ("MC1209", true));
        assert_eq!(said(100 * limits::RESOURCE_MAX).0, "MC1209");
    }
}
