"""The routes, one file per kind of resource. Each file has a function that returns an APIRouter."""
