export { type StaticRoute, StaticRoutes } from './static-routes.ts'
