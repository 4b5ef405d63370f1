//! Whether the search index says what the catalogue says: every document is made again and compared with what
//! the index was fed.

use super::{Contents, Finding};
use crate::core::Core;
use crate::projectors::search::Documents;
use gearify_commerce::{ReadScope, Site, TenantId};
use gearify_search::SearchError;

/// Documents that are named.
const TOLD_MAX: usize = 5;

#[derive(Default)]
struct Compared {
    documents: usize,
    wrong: Vec<String>,
}

pub fn compare(core: &Core) -> Finding {
    let mut compared = Compared::default();
    let all = core.search.tenants().into_iter().try_for_each(|tenant| of_tenant(core, tenant, &mut compared));
    let Compared { documents, wrong } = compared;
    Finding::of("search index", all, |()| match wrong.is_empty() {
        true => (true, format!("{documents} documents, each as the catalogue has it")),
        false => {
            let named = wrong[..wrong.len().min(TOLD_MAX)].join("; ");
            let detail = format!(
                "{documents} documents, {} not as the catalogue has them: {named}: --rebuild makes them again",
                wrong.len()
            );
            (false, detail)
        }
    })
}

fn of_tenant(core: &Core, tenant: TenantId, compared: &mut Compared) -> Result<(), SearchError> {
    let mut indexed = core.search.digests(tenant)?;
    let catalogue = ReadScope::new(&*core.states.catalogue, tenant, Site::NONE);
    for document in Documents::of(catalogue) {
        compared.documents += 1;
        match indexed.remove(&document.number) {
            Some(digest) if digest == document.digest() => {}
            Some(_) => compared.wrong.push(format!("{} says something else", document.id)),
            None => compared.wrong.push(format!("{} is missing", document.id)),
        }
    }
    let strays = indexed.keys().map(|number| format!("product {number} of {tenant} is not on sale"));
    compared.wrong.extend(strays);
    Ok(())
}

/// How many documents there are, and a hash of them all.
pub fn contents(core: &Core, contents: &mut Contents) -> Result<(), SearchError> {
    let (mut count, mut sum) = (0, super::Sum::default());
    for tenant in core.search.tenants() {
        for (number, digest) in core.search.digests(tenant)? {
            let mut hasher = blake3::Hasher::new();
            hasher.update(tenant.to_string().as_bytes()).update(&number.to_be_bytes()).update(&digest);
            sum.add(&hasher.finalize());
            count += 1;
        }
    }
    contents.insert("search index".into(), (count, sum.shown()));
    Ok(())
}
