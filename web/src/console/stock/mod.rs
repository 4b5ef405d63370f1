//! Stock: levels by SKU and warehouse, counting, moving, and what moved before.

mod item;
mod list;
mod sheet;
mod warehouses;

use crate::routes::{Route, routes};
use item::{adjust_stock_form, set_low_at_form, set_parts_form, stock_item_page, transfer_stock_form};
use list::{export_stock, list_movements_page, list_stock_page};
use sheet::{save_sheet_form, sheet_page};
use warehouses::{
    list_warehouses_page, new_warehouse_page, put_warehouse_form, update_warehouse_form, warehouse_page,
};

pub fn routes() -> Vec<Route> {
    routes! { "Console: stock", Console, Shop;
        Get "/console/stock" list_stock_page: Staff(StockRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Stock by SKU and warehouse";
        Get "/console/stock/export" export_stock: Staff(StockRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "The levels of the list, as CSV";
        Get "/console/stock/sheet" sheet_page: Staff(StockWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "Prices and stock as a sheet";
        Post "/console/stock/sheet" save_sheet_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves the cells of a sheet that were changed";
        Get "/console/stock/{item}" stock_item_page: Staff(StockRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One stock item in all warehouses";
        Post "/console/stock/{item}/adjust" adjust_stock_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Counts pieces in or out";
        Post "/console/stock/{item}/transfer" transfer_stock_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Moves pieces between warehouses";
        Post "/console/stock/{item}/parts" set_parts_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Keeps pieces back, marks some unusable, announces others";
        Post "/console/stock/{item}/low-at" set_low_at_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Sets the level that warns";
        Get "/console/movements" list_movements_page: Staff(StockRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "What moved, the newest first";
        Get "/console/warehouses" list_warehouses_page: Staff(StockRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Warehouses";
        Get "/console/warehouses/new" new_warehouse_page: Staff(StockWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "A form for another warehouse";
        Post "/console/warehouses" put_warehouse_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Makes a warehouse";
        Get "/console/warehouses/{id}" warehouse_page: Staff(StockRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One warehouse";
        Post "/console/warehouses/{id}" update_warehouse_form: Staff(StockWrite), PERSON, Write, Form, None, Token,
            query(), request(), 303(), "Saves a warehouse";
    }
}
