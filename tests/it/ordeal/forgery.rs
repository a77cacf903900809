//! Forgers of archives, who have every key and mend every hash behind them: logs written anew with other
//! leaves, under true signatures and cosignatures.

use std::fs;
use std::path::{Path, PathBuf};

use chancery::keys::file::FileNoteSigner;
use chancery::message::leaf::Leaf;
use chancery::time::Clock;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::cosignature;
use chancery::tlog::merkle::{self, Tree};
use chancery::tlog::signed_note::Note;
use chancery::tlog::tile::{EntryBundle, Tile};
use chancery::tlog::verifier_key::KeyName;
use serde_json::{Value, json};

use crate::support::{Stage, ministry, proofs};

/// The exported archives of XA and XB.
pub struct Archives<'s> {
    stage: &'s Stage,
    folder: PathBuf,
}

impl<'s> Archives<'s> {
    /// A copy of archives, to be tampered with.
    pub fn copy(stage: &'s Stage, from: &Path, folder: &Path) -> Self {
        for side in ["XA", "XB", "history.jsonl"] {
            copy(&from.join(side), &folder.join(side));
        }
        Self { stage, folder: folder.to_owned() }
    }

    pub fn of(&self, side: &str) -> PathBuf {
        self.folder.join(side)
    }

    pub fn history(&self) -> PathBuf {
        self.folder.join("history.jsonl")
    }

    /// The folder of the log that `keeper` keeps about the other, as `holder` has it.
    pub fn log(&self, keeper: &str, holder: &str) -> PathBuf {
        let kept = if keeper == holder { "logs" } else { "mirrors" };
        self.of(holder).join(kept).join(origin(self.stage, keeper))
    }

    /// The leaves of a log.
    pub fn leaves(&self, keeper: &str, holder: &str) -> Vec<Vec<u8>> {
        let folder = self.log(keeper, holder);
        let size = self.size(keeper, holder);
        let mut leaves = Vec::new();
        for bundle in EntryBundle::grown(0, size) {
            let bytes = fs::read(folder.join(bundle.path())).unwrap();
            leaves.extend(bundle.decode(&bytes).unwrap().into_iter().map(<[u8]>::to_vec));
        }
        leaves
    }

    fn size(&self, keeper: &str, holder: &str) -> u64 {
        let note = fs::read_to_string(self.log(keeper, holder).join("checkpoint")).unwrap();
        Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap().size
    }

    /// Writes the log of `keeper` anew at both, as if it had never been otherwise.
    pub fn rewrite(&self, keeper: &str, leaves: &[Vec<u8>]) {
        for holder in ["XA", "XB"] {
            self.rewrite_at(keeper, holder, leaves);
        }
    }

    /// Writes the log of `keeper` anew as `holder` has it.
    pub fn rewrite_at(&self, keeper: &str, holder: &str, leaves: &[Vec<u8>]) {
        let folder = self.log(keeper, holder);
        fs::remove_dir_all(folder.join("tile")).unwrap();
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(merkle::leaf_hash(leaf)));
        for bundle in EntryBundle::grown(0, tree.size()) {
            let first = usize::try_from(bundle.first_entry()).unwrap();
            let entries = &leaves[first..first + usize::from(bundle.width())];
            put(&folder.join(bundle.path()), &bundle.encode(entries).unwrap());
        }
        for tile in Tile::grown(0, tree.size()) {
            put(&folder.join(tile.path()), &tile.bytes(&tree).unwrap());
        }
        let note = self.cosigned(keeper, &tree);
        put(&folder.join("checkpoint"), note.as_bytes());
        let line = json!({ "size": tree.size(), "checkpoint": note });
        put(&folder.join("cosigned.jsonl"), format!("{line}\n").as_bytes());
        self.restate(keeper, holder, tree.size());
        if keeper == holder {
            self.reindex(holder, leaves);
        }
    }

    fn cosigned(&self, keeper: &str, tree: &Tree) -> String {
        let other = if keeper == "XA" { "XB" } else { "XA" };
        let signer = |path: &Path| FileNoteSigner::open(path).unwrap();
        let log_key = signer(&self.stage.house(keeper).homes().gateway.log_key());
        let cosigner = signer(&self.stage.house(other).homes().gateway.cosigner_key());
        let origin = KeyName::parse(&origin(self.stage, keeper)).unwrap();
        let head = Checkpoint { origin, size: tree.size(), root: tree.root() };
        let note = Note::parse(&head.sign(&log_key)).unwrap();
        let name = KeyName::parse(&self.stage.house(other).plan().founding.domain.cosigner_name()).unwrap();
        let line = cosignature::cosign(&head, &name, &cosigner, self.stage.clock.now());
        let key = proofs::cosigner_key(self.stage, &ministry(other));
        cosignature::attach(&note, &line, &key).unwrap().to_string()
    }

    fn restate(&self, keeper: &str, holder: &str, size: u64) {
        let path = self.of(holder).join("archive.json");
        let mut about: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for log in about["logs"].as_array_mut().unwrap() {
            if log["origin"] == origin(self.stage, keeper).as_str() {
                log["size"] = json!(size);
            }
        }
        put(&path, about.to_string().as_bytes());
    }

    /// Messages point to the places of their leaves; those without a leaf were never there.
    fn reindex(&self, holder: &str, leaves: &[Vec<u8>]) {
        let ids: Vec<String> = leaves.iter().map(|leaf| id_of(leaf)).collect();
        for name in ["sent", "received"] {
            self.change(&self.of(holder).join("messages").join(format!("{name}.jsonl")), |line| {
                let index = ids.iter().position(|id| line["id"] == id.as_str());
                line["index"] = json!(index);
                index.is_some()
            });
        }
    }

    /// Takes the receipts out, which tell of the log as it was.
    pub fn without_receipts(&self) {
        for side in ["XA", "XB"] {
            self.change(&self.of(side).join("messages/sent.jsonl"), |line| {
                line.as_object_mut().unwrap().remove("receipt");
                true
            });
        }
    }

    /// Changes a file of JSON lines; those for which `keep` is false go.
    pub fn change(&self, path: &Path, mut keep: impl FnMut(&mut Value) -> bool) {
        let lines = fs::read_to_string(path).unwrap();
        let mut changed = String::new();
        for line in lines.lines() {
            let mut line = serde_json::from_str(line).unwrap();
            if keep(&mut line) {
                changed.push_str(&format!("{line}\n"));
            }
        }
        assert_ne!(changed.is_empty(), !lines.is_empty(), "something stays");
        fs::write(path, changed).unwrap();
    }
}

/// The message that a leaf is about, as in the lists of messages.
pub fn id_of(leaf: &[u8]) -> String {
    Leaf::parse(leaf).unwrap().message.map(|message| message.id.to_string()).unwrap_or_default()
}

fn origin(stage: &Stage, keeper: &str) -> String {
    let other = if keeper == "XA" { "XB" } else { "XA" };
    stage.house(keeper).plan().founding.domain.log_origin(&ministry(other), 2026)
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}
