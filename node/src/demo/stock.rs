//! Warehouses and stock of a demo shop.

use super::catalogue::{AT_ONCE, Good};
use super::grow::Dice;
use super::logins::DemoError;
use super::range::{LAST_BALL_PIECES, LAST_BALL_SKU};
use super::shop::{Making, made, parsed};
use futures::{StreamExt, TryStreamExt, stream};
use gearify_commerce::WarehouseId;
use gearify_commerce::catalog::Variant;
use gearify_commerce::inventory::{Command, Reason};
use gearify_commerce::locale::Country;
use gearify_commerce::text::Name;

pub async fn make(making: &Making<'_>, goods: &[Good]) -> Result<(), DemoError> {
    let country = parsed(Country::parse(making.shop.country))?;
    let mut warehouses = Vec::new();
    for (priority, (code, name)) in making.shop.warehouses.iter().enumerate() {
        let put = Command::PutWarehouse {
            id: None,
            code: (*code).to_owned(),
            name: parsed(Name::parse(name))?,
            country: country.clone(),
            priority: priority as u16,
            active: true,
        };
        let reply = making.site.command(&format!("warehouse/{code}"), put).await?;
        warehouses.push(WarehouseId::from_bits(made(reply)?));
    }
    // Kits have no stock of their own: theirs is their parts'.
    let counts = goods.iter().filter(|good| !good.is_kit).flat_map(|good| {
        pieces(&good.sku)
            .into_iter()
            .zip(&warehouses)
            .enumerate()
            .map(move |(n, (pieces, warehouse))| (good, n, pieces, *warehouse))
    });
    let count =
        async |(good, n, pieces, warehouse): (&Good, usize, i64, WarehouseId)| -> Result<(), DemoError> {
            let item = Variant::own_stock_item(good.variant);
            let adjust = Command::Adjust {
                item,
                sku: good.sku.clone(),
                warehouse,
                delta: pieces,
                reason: Reason::Received,
            };
            making.site.command(&format!("stock/{}/{n}", good.sku), adjust).await?;
            Ok(())
        };
    let received = counts.filter(|(_, _, pieces, _)| *pieces > 0);
    stream::iter(received).map(count).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let low = async |good: &Good| -> Result<(), DemoError> {
        let item = Variant::own_stock_item(good.variant);
        making.site.command(&format!("low/{}", good.sku), Command::SetLowAt { item, low_at: LOW_AT }).await?;
        Ok(())
    };
    let counted = goods.iter().filter(|good| !good.is_kit && pieces(&good.sku).iter().sum::<i64>() > 0);
    stream::iter(counted).map(low).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

/// Pieces at or below which a warning is given.
const LOW_AT: u32 = 3;

/// Pieces in the two warehouses, by the SKU alone.
fn pieces(sku: &str) -> [i64; 2] {
    if sku == LAST_BALL_SKU {
        return [LAST_BALL_PIECES, 0];
    }
    let seed = blake3::hash(sku.as_bytes());
    let mut dice = Dice(u64::from_be_bytes(seed.as_bytes()[..8].try_into().expect("eight bytes")) | 1);
    match dice.below(20) {
        0 => [0, 0],
        1 => [2, 0],
        _ => [8 + dice.below(60) as i64, 4 + dice.below(30) as i64],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ball_has_ten_pieces_and_few_others_are_sold_out() {
        assert_eq!(pieces(LAST_BALL_SKU).iter().sum::<i64>(), 10);
        let sold_out = (0..1_000).filter(|n| pieces(&format!("SKU-{n}")) == [0, 0]).count();
        assert!((20..100).contains(&sold_out), "{sold_out} of a thousand");
    }
}
