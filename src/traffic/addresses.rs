//! Which addresses proxies bind, call and look up.

use crate::model::{
    DnsDiscovery, DnsResponseType, GatewayListener, IpPreference, MeshSettings, Port,
    RegistryDiscovery,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address of a listener that names none: IPv4, or every one when the mesh states a preference
/// that allows for IPv6. (App Mesh bound IPv6 for `ipv4-only` too; a host without IPv6 could not
/// start then, and nobody who writes `ipv4-only` wants it.)
pub fn any_address(settings: &MeshSettings) -> IpAddr {
    match settings.ip_preference {
        None | Some(IpPreference::Ipv4Only) => Ipv4Addr::UNSPECIFIED.into(),
        Some(
            IpPreference::Ipv4Preferred | IpPreference::Ipv6Preferred | IpPreference::Ipv6Only,
        ) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Where a gateway's listener listens.
pub fn gateway_address(settings: &MeshSettings, listener: &GatewayListener) -> IpAddr {
    listener.address.unwrap_or_else(|| any_address(settings))
}

/// Whether a socket at one address gets all connections to the other too.
pub fn covers(wide: IpAddr, narrow: IpAddr) -> bool {
    let (v4, v6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    // `::` is rendered so that it takes IPv4 as well.
    wide == narrow || wide == IpAddr::V6(v6) || (wide == IpAddr::V4(v4) && narrow.is_ipv4())
}

/// Where the application is, in the order in which its proxy tries the addresses.
pub fn applications(
    settings: &MeshSettings,
    app: Option<SocketAddr>,
    port: Port,
) -> Vec<SocketAddr> {
    let at = |ip: IpAddr| SocketAddr::new(ip, port.get());
    let (v4, v6) = (at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into()));
    match (app, settings.ip_preference) {
        (Some(app), _) => vec![app],
        (None, None | Some(IpPreference::Ipv4Only)) => vec![v4],
        (None, Some(IpPreference::Ipv6Only)) => vec![v6],
        (None, Some(IpPreference::Ipv4Preferred)) => vec![v4, v6],
        (None, Some(IpPreference::Ipv6Preferred)) => vec![v6, v4],
    }
}

/// Which addresses of a name callers use: the node's own preference, else the mesh's; `None` is both
/// families. Without any, App Mesh used IPv6 alone wherever a name has an IPv6 address, which fails
/// on a host without IPv6. Where the addresses are doors to one load balancer, both families are
/// tried instead; where each is an endpoint, half of them would fail, so App Mesh's default stays
/// (the rules report it).
pub fn lookup_preference(settings: &MeshSettings, dns: &DnsDiscovery) -> Option<IpPreference> {
    dns.ip_preference.or(settings.ip_preference).or(match dns.response_type {
        DnsResponseType::Loadbalancer => None,
        DnsResponseType::Endpoints => Some(IpPreference::Ipv6Preferred),
    })
}

/// What selects the instances of a node in a registry: the node's own words, with the mesh's
/// preference. One that only puts an IP version first selects all, as none does.
pub fn registry_selector(settings: &MeshSettings, found: &RegistryDiscovery) -> RegistryDiscovery {
    let preference = found.ip_preference.or(settings.ip_preference);
    let selects = |preference: &IpPreference| match preference {
        IpPreference::Ipv4Only | IpPreference::Ipv6Only => true,
        IpPreference::Ipv4Preferred | IpPreference::Ipv6Preferred => false,
    };
    RegistryDiscovery { ip_preference: preference.filter(selects), ..found.clone() }
}
