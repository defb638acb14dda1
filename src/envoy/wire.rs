//! The fields of a message on the wire, counted before anything is made of them: two bytes of a message
//! can become a hundred in memory.

use super::xds::Protocol;

/// What a request has, as its bytes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The most names of one field: asked for, not asked for any more, or had.
    pub names: usize,
    /// Bytes of all that is no name.
    pub rest: usize,
}

/// Reads a number in base 128, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// The outline of a request; `None`: the bytes are none.
pub fn outline(protocol: Protocol, mut bytes: &[u8]) -> Option<Outline> {
    // The fields of names in `DeltaDiscoveryRequest` and in `DiscoveryRequest`.
    let names: &[u64] = match protocol {
        Protocol::Delta => &[3, 4, 5],
        Protocol::State => &[3],
    };
    let mut counts = [0; 6];
    let mut outline = Outline::default();
    while !bytes.is_empty() {
        let (tag, rest) = varint(bytes)?;
        let (field, length) = (tag >> 3, rest.len());
        let (is_name, rest) = match tag & 7 {
            0 => (false, varint(rest)?.1),
            1 => (false, rest.get(8..)?),
            2 => {
                let (size, rest) = varint(rest)?;
                (names.contains(&field), rest.get(usize::try_from(size).ok()?..)?)
            }
            5 => (false, rest.get(4..)?),
            // Groups are in no message of Envoy.
            _ => return None,
        };
        if is_name && let Some(count) = counts.get_mut(usize::try_from(field).ok()?) {
            *count += 1;
            outline.names = outline.names.max(*count);
        } else {
            outline.rest += length - rest.len();
        }
        bytes = rest;
    }
    Some(outline)
}

#[cfg(test)]
mod tests {
    use super::super::xds::{Asks, Node, Request};
    use super::*;

    fn request(asks: Asks) -> Request {
        Request {
            node: Some(Node { id: "n".repeat(300), build: "b 1".to_owned() }),
            type_url: "t".to_owned(),
            nonce: "1".to_owned(),
            refused: Some("why".to_owned()),
            asks,
            size: 0,
        }
    }

    #[test]
    fn names_are_counted_by_their_fields_and_the_rest_in_bytes() {
        let names = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
        let initial = names(9).into_iter().map(|name| (name, "v".to_owned())).collect();
        let delta = request(Asks::Delta { subscribe: names(7), unsubscribe: names(3), initial });
        let found = outline(Protocol::Delta, &delta.encode()).expect("a message");
        assert_eq!(found.names, 9);
        let none = Asks::Delta { subscribe: vec![], unsubscribe: vec![], initial: vec![] };
        let least = request(none).encode();
        // All but the tags, with one byte each.
        let fields = 4;
        assert_eq!(found.rest, least.len() - fields);
        let state = request(Asks::State { names: names(300) });
        assert_eq!(outline(Protocol::State, &state.encode()).expect("a message").names, 300);
        // Empty names are names.
        assert_eq!(outline(Protocol::Delta, &[0x1a, 0].repeat(5_000)).expect("5,000").names, 5_000);
    }

    #[test]
    fn bytes_that_end_within_a_field_are_no_message() {
        let whole = request(Asks::State { names: vec!["name".to_owned()] }).encode();
        let whole_at = |end: usize| outline(Protocol::State, &whole[..end]).is_some();
        assert!(whole_at(0) && whole_at(whole.len()));
        assert!((1..whole.len()).filter(|end| whole_at(*end)).count() < 6);
        for bytes in
            [&[0x1a][..], &[0x1a, 5, 1], &[0xff; 11], &[0x1b], &[9, 1], &[0x1a, 0xff, 0xff]]
        {
            assert_eq!(outline(Protocol::Delta, bytes), None, "{bytes:?}");
        }
    }
}
