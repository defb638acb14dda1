//! How many Envoys must have acknowledged what is in force: one meaning of a target's `expect`, for
//! `apply`, `wait` and `status`.

/// How many Envoys must have acknowledged everything that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This many in all: the target's `expect`. Proxies that do not run are not counted against it.
    Envoys(u32),
    /// One of each proxy that can be asked: what `wait` waits for without `expect`.
    EveryProxy,
    /// Those that run: what `apply` asks for without `expect`. A proxy gets what is in force when it
    /// starts.
    Running,
}

impl Expected {
    /// Whether that is met by so many Envoys that have acknowledged everything, while so many proxies
    /// that can be asked do not run. Proxies that run and lack something are another matter: they
    /// are waited for in any case.
    pub fn is_met(self, acknowledged: usize, not_running: usize) -> bool {
        match self {
            Self::Envoys(count) => acknowledged >= usize::try_from(count).unwrap_or(usize::MAX),
            Self::EveryProxy => not_running == 0,
            Self::Running => true,
        }
    }

    /// How many of the expected Envoys acknowledged, for people: `1 of 2 expected Envoys
    /// acknowledged`. `None`: no number is expected.
    pub fn progress(self, acknowledged: usize) -> Option<String> {
        match self {
            Self::Envoys(count) => {
                let noun = if count == 1 { "Envoy" } else { "Envoys" };
                Some(format!("{acknowledged} of {count} expected {noun} acknowledged"))
            }
            Self::EveryProxy | Self::Running => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_envoys_and_nothing_else() {
        assert!(Expected::Envoys(2).is_met(2, 5), "more proxies than that need not run");
        assert!(!Expected::Envoys(2).is_met(1, 0));
        assert!(Expected::EveryProxy.is_met(0, 0) && !Expected::EveryProxy.is_met(3, 1));
        assert!(Expected::Running.is_met(0, 3));
        let progress = Expected::Envoys(2).progress(1);
        assert_eq!(progress.as_deref(), Some("1 of 2 expected Envoys acknowledged"));
    }
}
