//! What a random history is about: the road to a departure, the day of it, and steps of everybody at random.

use serde_json::json;

use super::world::{PARTIES, World};
use crate::consultation::state::samples::act;

impl World {
    /// Leads the first person to the day of his departure: as a careful ministry would, or as far as it goes.
    pub(super) fn prepare(&mut self, careful: bool) {
        let road: [fn(&mut Self); 8] = [
            |world| world.state("P1"),
            |world| world.assess("P1"),
            |world| world.propose("P1"),
            |world| world.reply(),
            |world| world.arrange(),
            |world| world.confirm(),
            |world| world.certify("P1"),
            |world| world.go("XA"),
        ];
        self.careful = careful;
        for (place, step) in road.into_iter().enumerate() {
            for _ in 0..if careful { 1 } else { 2 } {
                step(self);
                self.minute += 10;
            }
            // The last steps follow each other within the window of a GO.
            self.minute += if place < 6 { 8 * 60 } else { 11 };
            self.deliver();
        }
        self.go("XB");
        self.watch();
    }

    /// The day of the departure: stops come, and hours later everything is mended, again and again.
    pub(super) fn day(&mut self, steps: usize) {
        for step in 0..steps {
            let place = step % 14;
            self.careful = place >= 5;
            self.minute += match place {
                5 => 60 + self.dice.below(300),
                13 => 20,
                _ => 1 + self.dice.below(4),
            };
            self.deliver();
            if place < 5 {
                self.trouble();
            } else if !self.dice.one_in(10) {
                self.mend(place);
            }
            self.watch();
        }
    }

    fn trouble(&mut self) {
        let sender = PARTIES[self.dice.below(3) as usize];
        match self.dice.below(16) {
            0..=1 => self.state("P1"),
            2..=3 => self.withdraw(sender, "P1"),
            4 => self.hearsay(sender, "P1"),
            5 => self.hold(sender, "P1"),
            6 => self.release(sender),
            7 => self.expose(sender, "P1"),
            8 => self.assess("P1"),
            9 => self.certify("P1"),
            10 if self.dice.one_in(3) => self.court("P1"),
            10 => self.no_go(sender),
            11..=13 => self.go("XA"),
            _ => self.go("XB"),
        }
    }

    fn mend(&mut self, place: usize) {
        match place {
            5 => self.state("P1"),
            6 | 7 => self.release("XB"),
            8 => self.assess("P1"),
            9 => self.certify("P1"),
            10 if self.dice.one_in(2) => {
                // Of the other person: a withdrawal that overtakes what was said before it.
                self.hearsay("IC", "P2");
                self.minute += 1;
                self.withdraw("IC", "P2");
            }
            10 => self.court("P1"),
            11 => self.go("XB"),
            12 => self.go("XA"),
            _ => {}
        }
    }

    pub(super) fn step(&mut self) {
        let name = if self.dice.one_in(3) { "P2" } else { "P1" };
        let sender = PARTIES[self.dice.below(3) as usize];
        match self.dice.below(38) {
            0..=4 => self.state(name),
            5..=6 => self.assess(name),
            7 => self.withdraw(sender, name),
            8 => self.hearsay(sender, name),
            9 if self.dice.one_in(2) => self.hold(sender, name),
            9 | 10 => self.release(sender),
            11 => self.expose(sender, name),
            12..=13 => self.request(name),
            14..=16 => self.propose(name),
            17..=18 => self.reply(),
            19..=20 => self.arrange(),
            21..=22 => self.confirm(),
            23..=24 => self.certify(name),
            25..=27 => self.go(sender),
            28 => self.report(sender),
            29..=31 => self.bargain(),
            32..=33 => self.verify(),
            34..=35 => self.accept(),
            36 => self.court(name),
            _ if self.dice.one_in(10) => {
                let fields = format!("person = \"{name}\"\ninquiry_opened = true");
                self.send("XB", act("death-notice", &fields), json!({"person": name}), true);
            }
            _ => {}
        }
    }
}
