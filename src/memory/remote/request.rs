//! What the server is asked, in its own words.

use std::collections::{HashMap, HashSet};

use qdrant_client::Payload;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{
    Condition, CreateFieldIndexCollection, CreateFieldIndexCollectionBuilder, FieldType, Filter as Wanted, IdfParams,
    KeywordIndexParamsBuilder, NamedVectors, PointId, PointStruct, PointVectors, Query as Asked, Range, SearchParams,
    SearchParamsBuilder, Value, Vector, VectorInput,
};
use sha2::{Digest as _, Sha256};

use crate::memory::index::{Filter, IndexError, Indexed, Meaning, Query, WORDS};
use crate::store::entries::{EntryId, EntryKind, EntryScope, Revision};

/// The field that holds whose the entry is: the tenant.
const WORKSPACE: &str = "workspace";
/// The field that holds who in the workspace remembers it, and of what kind it is.
const GROUP: &str = "group";
/// The field that holds when it was remembered, in milliseconds since 1970.
const AT: &str = "at";
/// The field of a workspace's own point that holds up to which change the index is complete.
pub(super) const HELD: &str = "held";
/// The field of a workspace's own point that holds whose it is; not [`WORKSPACE`], so that it is never found.
const STATE_OF: &str = "state_of";
/// How many bits of a point's number the entry's id has; those above are the workspace's, so that two workspaces never
/// share a point even if their entries were numbered apart.
const ID_BITS: u32 = 40;

/// The points of a workspace.
#[derive(Clone, Debug)]
pub(super) struct Points {
    workspace: String,
    /// The first bits of their numbers.
    prefix: u64,
}

impl Points {
    pub(super) fn of(workspace: &str) -> Self {
        let hash = Sha256::digest(workspace.as_bytes());
        let first = hash.iter().take(3).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        Self { workspace: workspace.to_owned(), prefix: first << ID_BITS }
    }

    pub(super) fn id(&self, id: EntryId) -> Result<PointId, IndexError> {
        if id.0 >> ID_BITS != 0 {
            return Err(IndexError::Unavailable(format!("entry {} has too high a number", id.0)));
        }
        Ok(PointId::from(self.prefix | id.0))
    }

    /// The point that says what the index holds: no entry has its number.
    pub(super) fn state(&self) -> PointId {
        PointId::from(self.prefix)
    }

    pub(super) fn state_point(&self, revision: Revision) -> PointStruct {
        let held = i64::try_from(revision.0).unwrap_or(i64::MAX);
        let fields: [(&str, Value); 2] = [(STATE_OF, self.workspace.clone().into()), (HELD, held.into())];
        PointStruct::new(self.state(), NamedVectors::default(), payload(fields))
    }

    pub(super) fn point(&self, entry: &Indexed) -> Result<PointStruct, IndexError> {
        let words: Vec<(u32, f32)> =
            entry.words.indices.iter().copied().zip(entry.words.values.iter().copied()).collect();
        let fields: [(&str, Value); 3] = [
            (WORKSPACE, self.workspace.clone().into()),
            (GROUP, group(&entry.scope, entry.kind).into()),
            (AT, entry.at.0.into()),
        ];
        let vectors = NamedVectors::from(HashMap::from([(WORDS.to_owned(), Vector::from(words))]));
        Ok(PointStruct::new(self.id(entry.id)?, vectors, payload(fields)))
    }

    /// The vectors of those entries that are held.
    pub(super) fn vectors(
        &self,
        meaning: &Meaning,
        vectors: &[(EntryId, Vec<f32>)],
        held: &HashSet<EntryId>,
    ) -> Result<Vec<PointVectors>, IndexError> {
        let name = meaning.vector_name();
        let given = |(id, vector): &(EntryId, Vec<f32>)| {
            let named = NamedVectors::from(HashMap::from([(name.clone(), Vector::from(vector.clone()))]));
            Ok(PointVectors { id: Some(self.id(*id)?), vectors: Some(named.into()) })
        };
        vectors.iter().filter(|(id, _)| held.contains(id)).map(given).collect()
    }

    /// All entries of the workspace.
    pub(super) fn all(&self) -> Wanted {
        Wanted::must([self.ours()])
    }

    /// Those entries that a search may find.
    pub(super) fn fitting(&self, filter: &Filter) -> Wanted {
        let kinds = filter.wanted_kinds();
        let groups: Vec<String> =
            filter.scopes.iter().flat_map(|scope| kinds.iter().map(move |kind| group(scope, *kind))).collect();
        let mut wanted = vec![self.ours(), Condition::matches(GROUP, groups)];
        if filter.since.is_some() || filter.before.is_some() {
            #[allow(clippy::cast_precision_loss, reason = "exact for 280,000 years")]
            let bound = |time: Option<crate::clock::Timestamp>| time.map(|time| time.0 as f64);
            let times = Range { gte: bound(filter.since), lt: bound(filter.before), gt: None, lte: None };
            wanted.push(Condition::range(AT, times));
        }
        Wanted::must(wanted)
    }

    /// The entries that lack a meaning, or all.
    pub(super) fn lacking(&self, meaning: Option<&Meaning>) -> Wanted {
        let has = meaning.map(|meaning| Condition::has_vector(meaning.vector_name()));
        Wanted { must_not: has.into_iter().collect(), ..self.all() }
    }

    /// The entries that have a meaning.
    pub(super) fn having(&self, meaning: &Meaning) -> Wanted {
        Wanted::must([self.ours(), Condition::has_vector(meaning.vector_name())])
    }

    /// How rare a word is counts within the workspace, where the server can tell.
    pub(super) fn params(&self) -> SearchParams {
        let params = SearchParamsBuilder::default().build();
        SearchParams { idf: Some(IdfParams { corpus: Some(self.all()) }), ..params }
    }

    fn ours(&self) -> Condition {
        Condition::matches(WORKSPACE, self.workspace.clone())
    }
}

/// The points of any workspace that have a meaning.
pub(super) fn having(meaning: &Meaning) -> Wanted {
    Wanted::must([Condition::has_vector(meaning.vector_name())])
}

/// What makes the fields ones that can be filtered by.
pub(super) fn fields(collection: &str) -> [CreateFieldIndexCollection; 3] {
    let tenant = KeywordIndexParamsBuilder::default().is_tenant(true);
    [
        CreateFieldIndexCollectionBuilder::new(collection, WORKSPACE, FieldType::Keyword)
            .field_index_params(tenant)
            .wait(true)
            .build(),
        CreateFieldIndexCollectionBuilder::new(collection, GROUP, FieldType::Keyword).wait(true).build(),
        CreateFieldIndexCollectionBuilder::new(collection, AT, FieldType::Integer).wait(true).build(),
    ]
}

/// The name of the vectors that a query is held against.
pub(super) fn using(query: &Query) -> String {
    match query {
        Query::Words(_) => WORDS.to_owned(),
        Query::Meaning(meaning, _) => meaning.vector_name(),
    }
}

pub(super) fn nearest(query: Query) -> Asked {
    Asked::new_nearest(match query {
        Query::Words(words) => VectorInput::new_sparse(words.indices, words.values),
        Query::Meaning(_, vector) => VectorInput::new_dense(vector),
    })
}

/// The entry of a point.
pub(super) fn entry_of(id: Option<PointId>) -> Option<EntryId> {
    match id?.point_id_options? {
        PointIdOptions::Num(number) => Some(EntryId(number & ((1 << ID_BITS) - 1))),
        PointIdOptions::Uuid(_) => None,
    }
}

fn group(scope: &EntryScope, kind: EntryKind) -> String {
    format!("{}:{scope}", kind.as_str())
}

fn payload<const N: usize>(fields: [(&str, Value); N]) -> Payload {
    Payload::from(fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<HashMap<_, _>>())
}
