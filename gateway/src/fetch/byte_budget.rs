//! How the byte budget of one fetch is shared among its partitions: Kafka's rule (KIP-74), as a pure function.
//!
//! Partitions are served in the order asked for, each up to its own limit, while the fetch's limit lasts. The first that
//! has anything gets at least one whole batch, however large, or a consumer would stall before it for ever.

/// What one partition asks for and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its own limit.
    pub bytes_max: usize,
    /// Bytes that it has from the fetch offset on, about.
    pub available: u64,
}

/// What one partition may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Whole batches up to this many bytes.
    pub bytes_max: usize,
    /// The first batch is read also where it is larger.
    pub at_least_one: bool,
}

impl Share {
    /// As much of it as `left` allows.
    #[must_use]
    pub fn within(self, left: usize) -> Self {
        Self { bytes_max: self.bytes_max.min(left), ..self }
    }
}

/// One share per claim, in order.
#[must_use]
pub fn share(claims: &[Claim], bytes_max: usize) -> Vec<Share> {
    let mut left = bytes_max;
    let mut nothing_yet = true;
    let give = |claim: &Claim| {
        let available = usize::try_from(claim.available).unwrap_or(usize::MAX);
        if available == 0 {
            return Share::default();
        }
        let bytes_max = claim.bytes_max.min(left);
        left -= bytes_max.min(available);
        let at_least_one = std::mem::take(&mut nothing_yet);
        Share { bytes_max, at_least_one }
    };
    claims.iter().map(give).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_partition_with_anything_gets_one_batch_even_without_budget() {
        let claims = [Claim { bytes_max: 10, available: 0 }, Claim { bytes_max: 10, available: 500 }];
        let shares = share(&claims, 0);
        assert_eq!(shares, [Share::default(), Share { bytes_max: 0, at_least_one: true }]);
    }

    #[test]
    fn what_one_partition_does_not_need_is_left_to_the_next() {
        let claims = [Claim { bytes_max: 100, available: 30 }, Claim { bytes_max: 100, available: 500 }];
        let shares = share(&claims, 120);
        assert_eq!(shares[0].bytes_max, 100);
        assert_eq!(shares[1].bytes_max, 90);
    }

    proptest! {
        #[test]
        fn shares_never_promise_more_than_the_budget(
            claims in prop::collection::vec((0_usize..1_000, 0_u64..2_000), 0..40),
            bytes_max in 0_usize..5_000,
        ) {
            let claims: Vec<Claim> =
                claims.into_iter().map(|(bytes_max, available)| Claim { bytes_max, available }).collect();
            let shares = share(&claims, bytes_max);
            let promised: usize =
                claims.iter().zip(&shares).map(|(claim, share)| share.bytes_max.min(claim.available as usize)).sum();
            prop_assert!(promised <= bytes_max);
            prop_assert!(shares.iter().filter(|share| share.at_least_one).count() <= 1);
            let first = claims.iter().position(|claim| claim.available > 0);
            prop_assert_eq!(shares.iter().position(|share| share.at_least_one), first);
            for (claim, share) in claims.iter().zip(&shares) {
                prop_assert!(share.bytes_max <= claim.bytes_max);
            }
        }
    }
}
