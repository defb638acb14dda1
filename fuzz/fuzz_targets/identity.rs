//! Any bytes as a certificate, and any text as a node's id or a SPIFFE URI: whoever it says it is,
//! it is that proxy alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::serve::identity::{Identify as _, Identity, Spiffe, parse_node_id, spiffe_uri};
use rustls_pki_types::CertificateDer;
use std::time::{Duration, SystemTime};

fuzz_target!(|bytes: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    if let Ok(uri) = spiffe_uri(&CertificateDer::from(bytes), now) {
        assert!(uri.starts_with("spiffe://"), "{uri}");
        whose(&uri);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        whose(text);
        whose(&format!("spiffe://shop.example/{text}"));
        whose(&format!("spiffe://shop.example/mesh/shop/{text}"));
        if let Some(id) = parse_node_id(text) {
            let own = format!("mesh/{}/{}", id.mesh, id.proxy);
            let again = parse_node_id(&own).expect("its own form");
            assert_eq!((again.mesh, again.proxy, again.instance), (id.mesh, id.proxy, None));
        }
    }
});

fn whose(uri: &str) {
    let trust_domain = "shop.example".to_owned();
    let spiffe = Spiffe { trust_domain, security: Default::default(), own: None };
    let identity = Identity::Spiffe(uri.to_owned());
    for proxy in ["virtual_node/cart", "virtual_gateway/edge"] {
        let parsed = proxy.parse().expect("a proxy");
        let appmesh = proxy.replace("virtual_n", "virtualN").replace("virtual_g", "virtualG");
        let own = [proxy, &appmesh].map(|p| format!("spiffe://shop.example/mesh/shop/{p}"));
        assert_eq!(
            spiffe.may_be(&identity, "shop", &parsed),
            own.iter().any(|own| own == uri),
            "{uri}"
        );
    }
    if let Some(id) = uri.strip_prefix("spiffe://shop.example/").and_then(parse_node_id) {
        let may = spiffe.may_be(&identity, &id.mesh, &id.proxy);
        assert_eq!(may, id.instance.is_none(), "{uri}");
    }
}
