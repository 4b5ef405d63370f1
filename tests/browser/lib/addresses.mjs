// Addresses the demo shops deliver to, by the names of their fields. Nobody lives there.

export const ADDRESSES = {
  GB: { name: 'Robin Sample', line1: '1 Example Road', city: 'Demo Town', postal_code: 'M1 2AB' },
  IN: { name: 'Robin Sample', line1: '1 Example Road', city: 'Demo Town', region: 'IN-MH', postal_code: '400001' },
};
