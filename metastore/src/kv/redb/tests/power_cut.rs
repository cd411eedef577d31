//! The power is cut anywhere while commits and their objects are written side by side: of what was not synced, any
//! sectors survive. Then everything that was acknowledged is there, and every row that is there has its object.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ::redb::{StorageBackend, backends::InMemoryBackend};
use alluvium_runtime::{Rng, SeededRng};

use super::db;
use crate::kv::{
    Db, Error, ObjectName, ObjectWitness, PendingObject, Range, WriteReport,
    embedded::{Batch, Embedded, Storage},
    redb::storage::{RedbSnapshot, RedbStorage},
};

/// Seeds of one run of a test.
const SEEDS: u64 = 150;
/// Commits of one seed: enough for the store to use both of its roots many times.
const COMMITS: u64 = 25;
/// A disk writes such units whole or not at all.
const SECTOR: usize = 512;
const STORE: &str = "the store";

/// How far an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing or anything of it may survive.
    Unsynced,
    Durable,
    /// Its write failed; what is there is damaged.
    Failed,
}

/// A disk with the metastore's file and objects, and the power.
struct World {
    rng: SeededRng,
    /// What the file holds after a power cut, at least.
    synced: Vec<u8>,
    unsynced: Vec<Write>,
    objects: BTreeMap<String, Stage>,
    writers: Vec<(String, WriteReport)>,
    /// Steps until the power is cut.
    steps_left: u64,
    acknowledged: Vec<u64>,
    /// What is left after the cut.
    survivors: Option<Survivors>,
}

enum Write {
    Bytes { offset: usize, data: Vec<u8> },
    Length(usize),
}

#[derive(Clone, Debug)]
struct Survivors {
    file: Vec<u8>,
    objects: BTreeSet<String>,
    acknowledged: Vec<u64>,
}

impl World {
    fn below(&self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    /// One step of the disk; the power may be cut before it.
    fn step(&mut self) {
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0 && self.survivors.is_none() {
            self.survivors = Some(self.cut());
        }
    }

    fn cut(&self) -> Survivors {
        let mut file = self.synced.clone();
        for write in &self.unsynced {
            match write {
                Write::Length(length) if self.below(2) == 0 => file.resize(*length, 0),
                Write::Length(_) => {}
                Write::Bytes { offset, data } => {
                    // All, none, or any sectors of it.
                    let chance = self.below(3);
                    let mut at = *offset;
                    while at < offset + data.len() {
                        let end = ((at / SECTOR + 1) * SECTOR).min(offset + data.len());
                        if chance == 0 || chance == 1 && self.below(2) == 0 {
                            file.resize(file.len().max(end), 0);
                            file[at..end].copy_from_slice(&data[at - offset..end - offset]);
                        }
                        at = end;
                    }
                }
            }
        }
        let survives = |stage: Stage| stage == Stage::Durable || stage == Stage::Unsynced && self.below(2) == 0;
        let objects = self.objects.iter().filter(|(_, stage)| survives(**stage)).map(|(key, _)| key.clone()).collect();
        Survivors { file, objects, acknowledged: self.acknowledged.clone() }
    }

    /// Ends the write of any object.
    fn end_a_write(&mut self) {
        if self.writers.is_empty() {
            return;
        }
        let which = usize::try_from(self.below(self.writers.len() as u64)).unwrap();
        let (key, report) = self.writers.swap_remove(which);
        self.step();
        let stage = if self.below(12) == 0 { Stage::Failed } else { Stage::Durable };
        self.objects.insert(key, stage);
        report.report(stage == Stage::Durable);
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metastore's file.
struct Disk {
    bytes: InMemoryBackend,
    shared: Shared,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    fn with(file: &[u8], shared: &Shared) -> Arc<Self> {
        let bytes = InMemoryBackend::new();
        bytes.set_len(file.len() as u64).unwrap();
        bytes.write(0, file).unwrap();
        Arc::new(Self { bytes, shared: shared.clone() })
    }

    /// A step of the disk, between which objects are written.
    fn step(&self, change: impl FnOnce(&mut World)) {
        let mut world = self.shared.world();
        world.step();
        if world.below(6) == 0 {
            world.end_a_write();
        }
        change(&mut world);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step(|world| world.unsynced.push(Write::Length(usize::try_from(len).unwrap())));
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step(|world| {
            for write in std::mem::take(&mut world.unsynced) {
                match write {
                    Write::Length(length) => world.synced.resize(length, 0),
                    Write::Bytes { offset, data } => {
                        let end = offset + data.len();
                        let length = world.synced.len().max(end);
                        world.synced.resize(length, 0);
                        world.synced[offset..end].copy_from_slice(&data);
                    }
                }
            }
        });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let write = Write::Bytes { offset: usize::try_from(offset).unwrap(), data: data.to_vec() };
        self.step(|world| world.unsynced.push(write));
        self.bytes.write(offset, data)
    }
}

/// The store as the engine uses it, on one thread: after a batch the writes of its objects end.
struct Inline {
    storage: RedbStorage,
    shared: Shared,
}

impl Storage for Inline {
    type Snapshot = RedbSnapshot;

    const BLOCKS: bool = false;

    fn snapshot(&mut self) -> Result<RedbSnapshot, Error> {
        let mut world = self.shared.world();
        while !world.writers.is_empty() {
            world.end_a_write();
        }
        drop(world);
        self.storage.snapshot()
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), Error> {
        self.storage.apply(batch)
    }

    fn takes_in_doubt(&self) -> bool {
        self.storage.takes_in_doubt()
    }

    fn confirm(&mut self) {
        self.storage.confirm();
    }

    fn distrust(&mut self) {
        self.storage.distrust();
    }

    fn disk_bytes(&self) -> Option<u64> {
        self.storage.disk_bytes()
    }

    fn recover(&mut self) -> Result<(), Error> {
        self.storage.recover()
    }
}

/// Finds the objects that survived; a broken one believes in all.
#[derive(Debug)]
struct Witness {
    objects: BTreeSet<String>,
    is_credulous: bool,
}

impl ObjectWitness for Witness {
    fn store(&self) -> &str {
        STORE
    }

    fn has_survived(&self, object: &ObjectName) -> io::Result<bool> {
        Ok(self.is_credulous || self.objects.contains(&object.key))
    }
}

fn open(survivors: &Survivors, shared: &Shared, is_credulous: bool) -> Db {
    let witness = Arc::new(Witness { objects: survivors.objects.clone(), is_credulous });
    let storage = RedbStorage::new(Disk::with(&survivors.file, shared), None, Some(witness)).unwrap();
    db(Embedded::new(Inline { storage, shared: shared.clone() }).unwrap())
}

/// Commit number `number`: counts, and names one to three objects, or none.
async fn commit(db: &Db, shared: &Shared, number: u64) -> Result<(), Error> {
    let count = shared.world().below(4);
    let mut pending = Vec::new();
    for object in 0..count {
        let key = format!("{number}/{object}");
        let (object, report) = PendingObject::new(key.clone(), 1);
        let mut world = shared.world();
        world.objects.insert(key.clone(), Stage::Unsynced);
        world.writers.push((key, report));
        pending.push(object);
    }
    let (clears, pending) = (shared.world().below(5) == 0, &pending);
    let committed = db.run("commit", |tx| async move {
        let next = tx.get(b"next").await?.map_or(0, |next| u64::from_be_bytes(next.as_ref().try_into().unwrap()));
        tx.set(b"next", &(next + 1).to_be_bytes());
        tx.add(b"total", 1);
        if clears {
            tx.clear_range(b"scratch/", b"scratch0");
        }
        tx.set(format!("scratch/{number}").as_bytes(), &[7; 300]);
        tx.set_versionstamped_key(b"log/", b"", &number.to_be_bytes());
        for object in pending {
            tx.set(format!("object/{}", object.name().key).as_bytes(), &number.to_be_bytes());
            tx.commit_beside(object.clone());
        }
        Ok::<(), Error>(())
    });
    committed.await
}

/// Runs a seed until after its power cut, and returns what is left.
async fn until_the_cut(seed: u64) -> (Survivors, Shared) {
    let rng = SeededRng::new(seed);
    let (objects, writers, unsynced) = (BTreeMap::new(), Vec::new(), Vec::new());
    let (steps_left, acknowledged, survivors) = (u64::MAX, Vec::new(), None);
    let world = World { rng, synced: Vec::new(), unsynced, objects, writers, steps_left, acknowledged, survivors };
    let shared = Shared(Arc::new(Mutex::new(world)));
    let empty = Survivors { file: Vec::new(), objects: BTreeSet::new(), acknowledged: Vec::new() };
    let db = open(&empty, &shared, false);
    {
        let mut world = shared.world();
        world.steps_left = 1 + world.below(COMMITS * 22);
    }
    for number in 0..COMMITS {
        let committed = commit(&db, &shared, number).await;
        let mut world = shared.world();
        match committed {
            Ok(()) => world.acknowledged.push(number),
            Err(Error::ObjectNotWritten { .. }) => {}
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    let mut world = shared.world();
    let survivors = world.survivors.clone().unwrap_or_else(|| world.cut());
    world.objects.clear();
    drop(world);
    (survivors, shared)
}

/// Looks at what is left, and returns what is wrong with it.
async fn check(survivors: &Survivors, db: &Db) -> Result<(), String> {
    let rows = |prefix: &'static str| async move {
        db.read("rows", |tx| async move { tx.range(Range::prefix(prefix)).await }).await.unwrap()
    };
    let log: Vec<u64> =
        rows("log/").await.iter().map(|(_, number)| u64::from_be_bytes(number.as_ref().try_into().unwrap())).collect();
    let lost = survivors.acknowledged.iter().find(|number| !log.contains(number));
    if let Some(lost) = lost {
        return Err(format!("commit {lost} was acknowledged and is lost"));
    }
    if !log.is_sorted() {
        return Err(format!("commits are out of order: {log:?}"));
    }
    for (key, _) in rows("object/").await {
        let key = String::from_utf8(key[7..].to_vec()).unwrap();
        if !survivors.objects.contains(&key) {
            return Err(format!("object {key} is named and is not there"));
        }
    }
    let count = log.len() as u64;
    let next = rows("next").await.first().map_or(0, |(_, next)| u64::from_be_bytes(next.as_ref().try_into().unwrap()));
    let total =
        rows("total").await.first().map_or(0, |(_, total)| u64::from_le_bytes(total.as_ref().try_into().unwrap()));
    let scratch = rows("scratch/").await;
    let unknown = scratch.iter().find(|(key, _)| {
        let number = std::str::from_utf8(&key[8..]).unwrap().parse().unwrap();
        !log.contains(&number)
    });
    match unknown {
        _ if (next, total) != (count, count) => Err(format!("{count} commits, but counted {next} and {total}")),
        Some((key, _)) => Err(format!("{key:?} is left of a commit that was undone")),
        None => Ok(()),
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_power_cut_every_acknowledged_commit_is_there_and_every_named_object() {
    let first = std::env::var("ALLUVIUM_POWER_CUT_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    for seed in first..first + SEEDS {
        let (survivors, shared) = until_the_cut(seed).await;
        let db = open(&survivors, &shared, false);
        assert_eq!(check(&survivors, &db).await, Ok(()), "seed {seed}");
        check_goes_on(&db, &shared, seed).await;
    }
}

/// Commits are taken and shown as before.
async fn check_goes_on(db: &Db, shared: &Shared, seed: u64) {
    let mut acknowledged = Vec::new();
    for number in COMMITS..COMMITS + 3 {
        match commit(db, shared, number).await {
            Ok(()) => acknowledged.push(number),
            Err(Error::ObjectNotWritten { .. }) => {}
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    let log = db.read("log", |tx| async move { tx.range(Range::prefix("log/")).await }).await.unwrap();
    let log = log.iter().map(|(_, number)| u64::from_be_bytes(number.as_ref().try_into().unwrap()));
    assert_eq!(log.filter(|number| *number >= COMMITS).collect::<Vec<_>>(), acknowledged, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_believes_in_objects_that_did_not_survive_is_caught() {
    for seed in 0..SEEDS {
        let (survivors, shared) = until_the_cut(seed).await;
        if check(&survivors, &open(&survivors, &shared, true)).await.is_err() {
            return;
        }
    }
    panic!("no seed noticed");
}
