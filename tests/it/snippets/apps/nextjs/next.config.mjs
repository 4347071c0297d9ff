import path from 'node:path';

// The packages lie two folders further up.
export default { turbopack: { root: path.resolve('../..') } };
