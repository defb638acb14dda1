//! What `certificates` and `authorities` of meshctl.toml map ACM's ARNs to, put into the mesh: it
//! decides what proxies are given, so another mapping is a change of what uses it.

use super::Project;
use crate::model::{
    Address, Certificate, ClientPolicy, ListenerTls, MappedCertificate, MappedTrust, Mesh, Origins,
    Trust,
};
use crate::schema::{Node, Value};

/// Puts in what ARNs are mapped to, with the places in `tree`, which is that of meshctl.toml. An ARN
/// without a mapping stays alone, and a rule reports it.
pub(super) fn put(mesh: &mut Mesh, origins: &mut Origins, project: &Project, tree: &Node) {
    if project.certificates.is_empty() && project.authorities.is_empty() {
        return;
    }
    let mut mapping = Mapping { project, tree, origins };
    for (name, node) in &mut mesh.nodes {
        let address = Address::Node(name.clone());
        let listeners = node.listeners.iter_mut().map(|listener| listener.tls.as_mut());
        mapping.listeners(&address, listeners);
        let defaults = node.backend_defaults.client_policy.as_mut();
        mapping.client(&address, "/backend_defaults", defaults);
        for (at, backend) in node.backends.iter_mut().enumerate() {
            let policy = backend.client_policy.as_mut();
            mapping.client(&address, &format!("/backends/{at}"), policy);
        }
    }
    for (name, gateway) in &mut mesh.gateways {
        let address = Address::Gateway(name.clone());
        let listeners = gateway.listeners.iter_mut().map(|listener| listener.tls.as_mut());
        mapping.listeners(&address, listeners);
        let defaults = gateway.backend_defaults.client_policy.as_mut();
        mapping.client(&address, "/backend_defaults", defaults);
    }
}

struct Mapping<'a> {
    project: &'a Project,
    tree: &'a Node,
    origins: &'a mut Origins,
}

impl Mapping<'_> {
    fn listeners<'t>(
        &mut self,
        address: &Address,
        listeners: impl Iterator<Item = Option<&'t mut ListenerTls>>,
    ) {
        for (at, tls) in listeners.enumerate() {
            let Some(tls) = tls else { continue };
            let pointer = format!("/listeners/{at}/tls");
            self.certificate(address, &format!("{pointer}/certificate"), &mut tls.certificate);
            if let Some(validation) = &mut tls.validation {
                let pointer = format!("{pointer}/validation/trust");
                self.trust(address, &pointer, &mut validation.trust);
            }
        }
    }

    fn client(&mut self, address: &Address, of: &str, policy: Option<&mut ClientPolicy>) {
        let Some(tls) = policy.and_then(|policy| policy.tls.as_mut()) else { return };
        let pointer = format!("{of}/client_policy/tls");
        if let Some(certificate) = &mut tls.certificate {
            self.certificate(address, &format!("{pointer}/certificate"), certificate);
        }
        self.trust(address, &format!("{pointer}/validation/trust"), &mut tls.validation.trust);
    }

    fn certificate(&mut self, address: &Address, pointer: &str, certificate: &mut Certificate) {
        let Certificate::Acm(acm) = &*certificate else { return };
        let Some(to) = self.project.certificates.get(acm) else { return };
        if matches!(to, Certificate::Acm(_) | Certificate::Mapped(_)) {
            return;
        }
        self.places(address, pointer, "certificates", acm, "");
        let to = Box::new(to.clone());
        *certificate = Certificate::Mapped(MappedCertificate { acm: acm.clone(), to });
    }

    /// Several authorities are one bundle: that of the first.
    fn trust(&mut self, address: &Address, pointer: &str, trust: &mut Trust) {
        let Trust::Acm(acm) = &*trust else { return };
        let authorities = &self.project.authorities;
        let Some(first) = acm.first() else { return };
        let (Some(path), true) =
            (authorities.get(first), acm.iter().all(|arn| authorities.contains_key(arn)))
        else {
            return;
        };
        self.places(address, pointer, "authorities", first, "/file");
        let to = Box::new(Trust::File(path.clone()));
        *trust = Trust::Mapped(MappedTrust { acm: acm.clone(), to });
    }

    /// Remembers where the ARN stands in the mesh, and where what it is mapped to stands in
    /// meshctl.toml. `value` is where the mapping's value is in the model.
    fn places(&mut self, address: &Address, pointer: &str, table: &str, arn: &str, value: &str) {
        let section = self.origins.section(address);
        let mapped = self.tree.get(table).and_then(|table| table.get(arn));
        if let Some(loc) = self.origins.find(address, &format!("{pointer}/acm")) {
            self.origins.set(section, &format!("{pointer}/mapped/acm"), loc);
        }
        let Some(mapped) = mapped else { return };
        let pointer = format!("{pointer}/mapped");
        self.origins.set(section, &pointer, mapped.loc);
        let mut todo = vec![(format!("{pointer}/to{value}"), mapped)];
        while let Some((pointer, node)) = todo.pop() {
            self.origins.set(section, &pointer, node.loc);
            if let Value::Table(table) = &node.value {
                let fields = table.entries.iter();
                todo.extend(fields.map(|(key, entry)| (format!("{pointer}/{key}"), &entry.node)));
            }
        }
    }
}
