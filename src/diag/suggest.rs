//! "Did you mean": the one place that decides which known name is near an unknown one.

/// The known name nearest to `wrong`, if it is near enough to be a slip of the hand.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let limit = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["listeners", "backends", "discovery"];
        assert_eq!(nearest("lisener", known), Some("listeners"));
        assert_eq!(nearest("listenres", known), Some("listeners"));
        assert_eq!(nearest("Backends", known), Some("backends"));
        assert_eq!(nearest("timeout", known), None);
    }
}
