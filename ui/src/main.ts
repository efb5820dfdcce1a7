import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { router } from './router/router.svelte';
import { routes } from './routes';

router.start(routes.map(([pattern, name]) => [pattern, name] as const));
mount(App, { target: document.getElementById('app')! });
