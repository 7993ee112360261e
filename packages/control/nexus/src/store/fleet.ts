/** There is one fleet; this is what its policy is stored under. */
export const FLEET_ID = '001de000-1334-4000-8000-000000000000'
