//! How sealed items are taken, from the configuration.

use super::{Profile, Settings, Source, build::milliseconds};
use crate::{
    commands::sealing::{read_roster, read_setup_bytes},
    delay::EPOCHS,
};
use eyre::Result;
use weft_node::SealingOptions;

/// Squarings of an epoch in production: what all the other defaults need (P17).
const DELAY: u64 = 546_000_000;

impl Settings {
    /// Returns how sealed items are taken; `None` when they are not.
    ///
    /// # Errors
    ///
    /// What is missing or does not go together, with its key.
    pub(super) fn sealing(&self, profile: Profile) -> Result<Option<SealingOptions>> {
        if !self.takes_sealed() {
            return Ok(None);
        }
        let number = |path| self.number(path).expect("sealing has defaults");
        let few = |path| u32::try_from(number(path)).expect("the table bounds members");
        let options = SealingOptions {
            epoch_slots: number("sealing.epoch_slots"),
            lead_slots: number("sealing.lead"),
            delay_squarings: self.delay(profile),
            members: few("sealing.members"),
            max_items: few("sealing.max_items"),
            silent: few("sealing.silent"),
            close_margin_ms: milliseconds(self.time("sealing.close_margin")),
            patience: self.time("sealing.patience"),
            solves: self.is_on("sealing.solves"),
            ..SealingOptions::default()
        };
        let options = self.with_files(options)?;
        if profile == Profile::Production {
            self.check_production(&options)?;
        }
        Ok(Some(options))
    }

    /// Returns whether sealed items are taken: who names a committee means it, unless somebody says otherwise.
    fn takes_sealed(&self) -> bool {
        match self.source("sealing.enabled") {
            Source::Default => self.path("sealing.committee").is_some(),
            _ => self.is_on("sealing.enabled"),
        }
    }

    /// Returns the squarings of an epoch. What holds by default is for development, where nothing is to be hidden for long;
    /// a node in production needs more, unless nobody checks that.
    fn delay(&self, profile: Profile) -> u64 {
        let is_default = *self.source("sealing.delay") == Source::Default;
        let is_checked =
            profile == Profile::Production && self.number("sealing.advantage") != Some(0);
        match self.number("sealing.delay") {
            Some(delay) if !(is_default && is_checked) => delay,
            _ => DELAY,
        }
    }

    fn with_files(&self, mut options: SealingOptions) -> Result<SealingOptions> {
        if let Some(path) = self.path("sealing.setup") {
            let setup = read_setup_bytes(path);
            options.setup = Some(setup.map_err(|why| self.wrong("sealing.setup", why))?);
        }
        if let Some(path) = self.path("sealing.committee") {
            let roster = read_roster(path);
            options.roster = roster.map_err(|why| self.wrong("sealing.committee", why))?;
            if options.roster.is_empty() {
                return Err(self.wrong("sealing.committee", "nobody is in the committee"));
            }
            // Those are in process.
            options.members = 0;
        }
        Ok(options)
    }

    /// P17: everything about an epoch has to stand before anybody can have solved its puzzle.
    fn check_production(&self, options: &SealingOptions) -> Result<()> {
        if !options.is_apart() {
            // A committee in the sequencer's own process hides nothing from it.
            let why = "needs `sealing.committee`: members in this process hide nothing from it";
            return Err(self.wrong("sealing.enabled", why));
        }
        let advantage = self.number("sealing.advantage").expect("it has a default");
        let slot_ms = milliseconds(self.time("realm.slot"));
        let least = least_delay(options, slot_ms, advantage);
        if options.delay_squarings < least {
            let why = format_args!(
                "{} squarings are too few: with a solver {advantage} times as fast as a processor, an epoch of {} \
                 slots and its margin need {least} (P17); longer delays, shorter epochs or a smaller \
                 `sealing.advantage` help",
                options.delay_squarings, options.epoch_slots
            );
            return Err(self.wrong("sealing.delay", why));
        }
        Ok(())
    }
}

/// Returns the squarings that the fastest solver does between the first share of an epoch's key and the last moment at
/// which its order may be closed.
fn least_delay(options: &SealingOptions, slot_ms: u64, advantage: u64) -> u64 {
    let slots = options.epoch_slots.saturating_mul(EPOCHS);
    let window_ms = slots.saturating_mul(slot_ms).saturating_add(options.close_margin_ms);
    weft_crypto::setup::least_delay(window_ms, advantage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p17_the_delay_covers_the_epoch_for_the_fastest_solver() {
        let options =
            SealingOptions { epoch_slots: 5, close_margin_ms: 1_000, ..SealingOptions::default() };
        // Three epochs of a second and the margin: four seconds, 1.4 million squarings a second, thirty times.
        assert_eq!(least_delay(&options, 200, 30), 168_000_000);
        assert_eq!(least_delay(&options, 200, 0), 0);
        let endless = SealingOptions { close_margin_ms: u64::MAX, ..options };
        assert_eq!(least_delay(&endless, 200, 30), u64::MAX);
    }
}
